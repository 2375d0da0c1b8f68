internal import ArgumentParser
internal import Server
internal import StrongroomClient
internal import Text
internal import Wire

struct Validate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Try a version again: load it, run it, and store the verdict.",
        discussion: """
            A REJECTED version that passes is STORED and may serve. A STORED one that fails is \
            REJECTED, unless an alias points to it: it is then left as it is.
            """
    )

    @Argument(help: "The model's name.")
    var model: String

    @Argument(help: "The version.")
    var version: UInt64

    @Flag(help: "Do not wait for the verdict.")
    var noWait = false

    @OptionGroup var server: ServerOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let validated = try await server.withClient { client in
            try await client.validate(version, of: model, wait: !noWait)
        }
        output.write(validated.json) { text(validated) }
        guard !validated.isBeingTried, validated.state == .rejected else { return }
        throw ServerError("version \(validated.version) was rejected: \(validated.reason)")
    }

    private func text(_ version: V1.Version) -> String {
        let subject = "\(version.model.escaped) version \(version.version)"
        guard !version.isBeingTried else {
            return "\(subject) is \(version.state.name) and is being validated"
        }
        guard version.state != .rejected else {
            return "\(subject) failed and is \(version.state.name)"
        }
        let passed = "\(subject) passed and is \(version.state.name)"
        guard version.aliases.isEmpty else { return passed }
        return passed
            + "\n  no alias points to it: strongroom alias set \(version.model.escaped) live "
            + "\(version.version) takes it live"
    }
}
