internal import ArgumentParser
internal import Server

/// What a server starts, and nobody else.
struct CheckLoad: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: FirstLoadProcess.command,
        abstract: "Load a version for the first time, as a server's child.",
        shouldDisplay: false
    )

    func run() throws {
        try FirstLoadProcess.run()
    }
}
