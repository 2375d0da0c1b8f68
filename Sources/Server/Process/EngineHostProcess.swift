internal import Engine
internal import Glibc
internal import Hosting
internal import Sealing
internal import Serving

/// The process that a server starts to run one model.
package enum EngineHostProcess {
    /// The argument by which the program knows that it is one.
    package static let command = HostSetup.command

    /// Loads the model that the server orders, runs it for the server, and ends with the server.
    ///
    /// - Throws: ``ServerError`` if no server has started this process.
    package static func run() throws(ServerError) -> Never {
        var status = stat()
        guard unsafe fstat(STDIN_FILENO, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else {
            throw ServerError(
                "'\(command)' is started by a server, to run a model",
                hint: "--self-test tests the sandbox of this machine"
            )
        }
        do {
            try HostTask.run {
                let engine = try OnnxRuntime(startsThreads: false)
                Locales.keepLoaded()
                guard Heaps.readSettings() else { throw ServerError("the system starts no thread") }
                tzset()
                return [engine]
            }
        } catch {
            throw ServerError(error.message)
        }
        // Without what the runtime would do at an orderly end.
        OwnProcess.end(0)
    }
}
