internal import Glibc
package import Logging
internal import Sealing

/// What is set up once in a process that serves, before anything else.
package enum ServerProcess {
    /// Forbids core dumps and other processes' reading of this one's memory, which holds models
    /// and keys in the clear, and sets up the log.
    package static func prepare(_ configuration: ServerConfiguration) throws(ServerError) -> Logger
    {
        guard ProcessMemory.refuseDumps() else {
            throw ServerError("this process could not be kept from being dumped")
        }
        OwnProcess.endAtFatalSignals()
        // A peer that went away is an error of its connection, not the end of the process.
        signal(SIGPIPE, SIG_IGN)
        LoggingSystem.bootstrap { label in
            var handler: any LogHandler =
                switch configuration.logFormat {
                case .text: TextLogHandler(label: label)
                case .json: JSONLogHandler(label: label)
                }
            handler.logLevel = configuration.logLevel
            return handler
        }
        let logger = Logger(label: "strongroom")
        try LibraryOutput.capture(logger)
        return logger
    }

    /// Waits, for a bounded time, until what libraries wrote is in the log: the process ends.
    package static func finish() {
        LibraryOutput.finish()
    }
}
