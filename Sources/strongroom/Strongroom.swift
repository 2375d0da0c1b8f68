internal import ArgumentParser
internal import Dispatch
internal import Glibc
internal import Server
internal import StrongroomClient
internal import Text

/// The command line.
struct Strongroom: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "strongroom",
        abstract: "Serves machine-learning models from an encrypted, signed registry.",
        version: StrongroomVersion.current,
        subcommands: [
            Init.self, Serve.self, Publish.self, Predict.self, Models.self, Versions.self,
            Show.self, AliasCommand.self, Rollback.self, Validate.self, Delete.self, Export.self,
            Keys.self, Certificates.self, Clients.self, Audit.self, Verify.self, Collect.self,
            Backup.self, Restore.self, BenchCommand.self, EngineHost.self,
        ]
    )
}

/// Runs a command and says on one line of stderr why it failed: exit 64 for wrong usage, 1 for
/// everything else.
@main
enum Main {
    /// An engine host runs on the first thread, before Dispatch or Swift concurrency starts
    /// another: its sandbox holds for the threads that come after it alone.
    static func main() {
        if CommandLine.arguments.dropFirst().first == EngineHost._commandName { runInPlace() }
        Task { await run() }
        dispatchMain()
    }

    private static func runInPlace() -> Never {
        do {
            var command = try Strongroom.parseAsRoot()
            try command.run()
            end(0)
        } catch {
            fail(error)
        }
    }

    private static func run() async -> Never {
        do {
            try checkCommands(CommandLine.arguments.dropFirst())
            var command = try Strongroom.parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
            end(0)
        } catch {
            fail(error)
        }
    }

    /// Refuses an unknown command by its name. The parser would speak of the options behind it.
    private static func checkCommands(_ arguments: ArraySlice<String>) throws(UsageError) {
        var command: any ParsableCommand.Type = Strongroom.self
        var path = "strongroom"
        for argument in arguments {
            let commands = command.configuration.subcommands
            guard !commands.isEmpty, !argument.hasPrefix("-"), argument != "help" else { return }
            guard let next = commands.first(where: { $0._commandName == argument }) else {
                throw UsageError(
                    "\(quoted(argument)) is no command of \(path)",
                    hint: "\(path) --help lists commands"
                )
            }
            command = next
            path += " " + argument
        }
    }

    /// Ends the process without the destructors that `exit` runs: a server may end while a model is
    /// loaded or run on another thread, whose libraries' data they would take away.
    private static func end(_ status: Int32) -> Never {
        fflush(nil)
        _exit(status)
    }

    private static func fail(_ error: any Error) -> Never {
        let usage = ExitCode.validationFailure.rawValue
        switch error {
        case let error as ServerError:
            report(error.message, hint: error.hint)
        case let error as StrongroomError:
            report(error.description, hint: hint(for: error))
        case let code as ExitCode where code != .success:
            // The command has said why.
            end(code.rawValue)
        case let error as UsageError:
            report(error.message, hint: error.hint)
            end(usage)
        default:
            // Help and --version come as errors too, and are none.
            let code = Strongroom.exitCode(for: error)
            if code == .success { Strongroom.exit(withError: error) }
            guard code.rawValue == usage else {
                report(ServerError(of: error).message, hint: nil)
                break
            }
            report(
                Strongroom.message(for: error),
                hint: "strongroom --help lists commands and options"
            )
            end(usage)
        }
        end(1)
    }

    private static func hint(for error: StrongroomError) -> String? {
        if let wait = error.retryAfter {
            let milliseconds = max(Int((wait / .milliseconds(1)).rounded(.up)), 1)
            return "the server is busy; it may have room in \(milliseconds) ms"
        }
        return switch error.code {
        case "UNAVAILABLE": "is the server running (strongroom serve), and is --ca its CA?"
        case "UNAUTHENTICATED", "PERMISSION_DENIED":
            "strongroom clients list shows who may do what"
        default: nil
        }
    }

    private static func report(_ message: String, hint: String?) {
        let line = message.split(whereSeparator: \.isNewline).joined(separator: " ")
        StandardError.write("strongroom: error: \(line.escaped)\n")
        if let hint { StandardError.write("strongroom: hint: \(hint.escaped)\n") }
    }
}

/// Wrong usage that the parser of options cannot see.
struct UsageError: Error {
    let message: String
    let hint: String?

    init(_ message: String, hint: String? = nil) {
        self.message = message
        self.hint = hint
    }
}

/// Everything that is not a command's result.
enum StandardError {
    static var isTerminal: Bool { isatty(STDERR_FILENO) == 1 }

    static func write(_ text: String) {
        LogOutput.write(Array(text.utf8))
    }
}
