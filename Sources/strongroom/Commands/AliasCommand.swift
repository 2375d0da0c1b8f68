internal import ArgumentParser
internal import JSON
internal import StrongroomClient
internal import Text
internal import Wire

struct AliasCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "alias",
        abstract: "Move aliases, and see how they moved.",
        subcommands: [Set.self, History.self, Delete.self]
    )

    struct Set: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Move an alias to a version.")

        @Argument(help: "The model's name.") var model: String
        @Argument(help: "The alias.") var alias: String
        @Argument(help: "The version.") var version: UInt64

        @Option(
            help: ArgumentHelp("Only if this is the alias's generation.", valueName: "generation")
        )
        var expect: UInt64?

        @Flag(help: "Do not wait until the version answers.")
        var noWait = false

        @OptionGroup var server: ServerOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let response: V1.SetAliasResponse = try await server.withClient { client in
                try await client.call(
                    "Registry",
                    "SetAlias",
                    V1.SetAliasRequest(
                        model: model,
                        alias: alias,
                        version: version,
                        expectedGeneration: expect ?? 0,
                        waitReady: !noWait
                    ),
                    timeout: Timeouts.load
                )
            }
            let moved = response.alias ?? V1.Alias()
            output.write(moved.json) {
                moved.text(of: model, previous: response.previousVersion)
            }
        }
    }

    struct History: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the moves of an alias, the newest first."
        )

        @Argument(help: "The model's name.") var model: String
        @Argument(help: "The alias.") var alias: String

        @OptionGroup var server: ServerOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let moves = try await server.withClient { client in
                var moves: [V1.AliasMove] = []
                while true {
                    let page: V1.ListAliasHistoryResponse = try await client.call(
                        "Registry",
                        "ListAliasHistory",
                        V1.ListAliasHistoryRequest(
                            model: model,
                            alias: alias,
                            beforeGeneration: moves.last?.generation ?? 0
                        )
                    )
                    moves += page.moves
                    guard let last = page.moves.last, last.generation > 1 else { return moves }
                }
            }
            output.write(.object(["moves": .array(moves.map(\.json))])) {
                var table = Table("GENERATION", "FROM", "TO", "OUTCOME", "ASKED", "BY", "REASON")
                for move in moves {
                    table.add(
                        String(move.generation),
                        String(move.fromVersion),
                        String(move.toVersion),
                        move.outcome,
                        Moment.text(unixMs: move.askedUnixMs),
                        move.principal,
                        move.reason
                    )
                }
                return table.text
            }
        }
    }

    struct Delete: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Remove an alias; its versions stay."
        )

        @Argument(help: "The model's name.") var model: String
        @Argument(help: "The alias.") var alias: String

        @Option(
            help: ArgumentHelp("Only if this is the alias's generation.", valueName: "generation")
        )
        var expect: UInt64?

        @OptionGroup var server: ServerOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let _: V1.DeleteAliasResponse = try await server.withClient { client in
                try await client.call(
                    "Registry",
                    "DeleteAlias",
                    V1.DeleteAliasRequest(
                        model: model,
                        alias: alias,
                        expectedGeneration: expect ?? 0
                    )
                )
            }
            output.write(.object([])) { "alias \(alias) of \(model) is deleted" }
        }
    }
}

extension V1.Alias {
    /// What a move did, for people.
    func text(of model: String, previous: UInt64) -> String {
        let before = previous == 0 ? "" : ", before that version \(previous)"
        guard version == targetVersion else {
            return "\(model) \(name): version \(targetVersion) is being loaded; "
                + (version == 0 ? "none answers yet" : "version \(version) answers until then")
        }
        return "\(model) \(name): version \(version) answers\(before) (generation \(generation))"
    }
}
