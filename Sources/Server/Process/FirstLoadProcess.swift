internal import Engine
internal import Sealing
internal import Serving

/// The process that a server starts to load a version for the first time.
package enum FirstLoadProcess {
    /// The argument by which the program knows that it is one.
    package static let command = FirstLoadTask.command

    /// Loads what the server says, tells it how that went, and ends.
    /// - Throws: ``ServerError`` if no server has started this process.
    package static func run() throws(ServerError) -> Never {
        guard let stream = ParentStream() else {
            throw ServerError("'\(command)' is what a server starts to load a version at first")
        }
        OwnProcess.endAtFatalSignals()
        do {
            try FirstLoadTask(stream).run { [try OnnxRuntime()] }
        } catch {
            throw ServerError(error.message)
        }
        // What the runtime would do at an orderly end is nobody's concern.
        OwnProcess.end(0)
    }
}
