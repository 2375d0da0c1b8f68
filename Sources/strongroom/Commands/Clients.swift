internal import ArgumentParser
internal import JSON
internal import Server
internal import Text

struct Clients: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Who may call the server, and what they may do.",
        subcommands: [Add.self, List.self, Remove.self]
    )

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a client's certificate and grant it a role."
        )

        @Argument(help: "The client's name.")
        var name: String

        @Option(help: "What the client may do.")
        var role: Role

        @Option(
            help: ArgumentHelp(
                "The models it is for; * stands for any run of characters.",
                valueName: "pattern"
            )
        )
        var models = "*"

        @Option(
            help: ArgumentHelp(
                """
                Lower requests of higher priority to this one, 0 to 10 (default: 0; a present grant \
                of the same role on the same models keeps its own).
                """,
                valueName: "priority"
            )
        )
        var maxPriority: Int?

        @OptionGroup var home: HomeOptions

        func validate() throws {
            if let maxPriority, !Grant.maxPriorities.contains(maxPriority) {
                throw ValidationError(
                    "--max-priority is \(maxPriority), expected "
                        + "\(Grant.maxPriorities.lowerBound) to \(Grant.maxPriorities.upperBound)"
                )
            }
            let allowed = "abcdefghijklmnopqrstuvwxyz0123456789._-*"
            guard !models.isEmpty, models.utf8.count <= ModelPattern.maxBytes,
                models.allSatisfy(allowed.contains)
            else {
                throw ValidationError(
                    "--models \(quoted(models)) can match no model's name: expected a-z, 0-9, "
                        + "'.', '_', "
                        + "'-' and '*'"
                )
            }
        }

        func run() async throws {
            let home = home.value
            try home.require()
            try ClientCertificates(home: home).add(
                name: name,
                role: role,
                models: ModelPattern(models),
                maxPriority: maxPriority
            )
            StandardOutput.write("\(name) is \(role.rawValue) of \(models)")
            StandardOutput.write("certificate \(home.clientCertificate(name))")
            StandardOutput.write("key         \(home.clientKey(name))")
            StandardOutput.write("a running server sees the grant within a second")
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List clients and their grants.")

        @OptionGroup var home: HomeOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let home = home.value
            try home.require()
            let clients = try ClientCertificates(home: home).list()
            let json = clients.map { client in
                JSONValue.object([
                    "name": .string(client.name),
                    "not_after_unix": .number(client.notAfterUnix ?? 0),
                    "grants": .array(
                        client.grants.map { grant in
                            .object([
                                "role": .string(grant.role.rawValue),
                                "models": .string(grant.models.text),
                                "max_priority": .number(grant.maxPriority),
                            ])
                        }
                    ),
                ])
            }
            output.write(.object(["clients": .array(json)])) {
                var table = Table("CLIENT", "GRANTS", "CERTIFICATE GOOD UNTIL")
                for client in clients {
                    let grants = client.grants.map(\.summary)
                    table.add(
                        client.name,
                        grants.joined(separator: ", "),
                        Moment.text(unixMs: (client.notAfterUnix ?? 0) * 1_000)
                    )
                }
                return table.text
            }
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take a client's grants and certificate away."
        )

        @Argument(help: "The client's name.")
        var name: String

        @OptionGroup var home: HomeOptions

        func run() async throws {
            let home = home.value
            try home.require()
            try ClientCertificates(home: home).remove(name: name)
            StandardOutput.write("\(name) may do nothing any more")
        }
    }
}

extension Role: ExpressibleByArgument {}

extension Grant {
    /// For people.
    fileprivate var summary: String {
        "\(role.rawValue) of \(models.text)"
            + (maxPriority > 0 ? " up to priority \(maxPriority)" : "")
    }
}
