internal import ArgumentParser
internal import JSON
internal import StrongroomClient
internal import Wire

struct Rollback: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Take an alias back to the version that served before."
    )

    @Argument(help: "The model's name.")
    var model: String

    @Option(help: "The alias.")
    var alias = "live"

    @Option(
        help: ArgumentHelp(
            "The version to go back to (default: the one before).",
            valueName: "version"
        )
    )
    var to: UInt64?

    @Option(help: ArgumentHelp("Why; kept in the alias's history.", valueName: "text"))
    var reason = ""

    @OptionGroup var server: ServerOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let request = V1.RollbackRequest(
            model: model,
            alias: alias,
            toVersion: to ?? 0,
            reason: reason
        )
        let response = try await server.withClient { try await $0.rollBack(request) }
        let moved = response.alias ?? V1.Alias()
        output.write(moved.json(response.signatureChanges)) {
            moved.text(
                of: model,
                previous: response.previousVersion,
                response.signatureChanges
            )
        }
    }
}

struct Delete: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Delete a version: its key is destroyed, its bytes are noise from then on."
    )

    @Argument(help: "The model's name.") var model: String
    @Argument(help: "The version.") var version: UInt64

    @OptionGroup var server: ServerOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let _: V1.DeleteVersionResponse = try await server.withClient { client in
            try await client.call(
                "Registry",
                "DeleteVersion",
                V1.DeleteVersionRequest(model: model, version: version)
            )
        }
        output.write(.object([])) { "version \(version) of \(model) is deleted" }
    }
}
