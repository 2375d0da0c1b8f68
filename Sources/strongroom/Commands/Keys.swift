internal import ArgumentParser
internal import JSON
internal import Sealing
internal import Server

struct Keys: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "The key-encryption keys of a home.",
        subcommands: [List.self]
    )

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the keys by id; new versions use the current one."
        )

        @OptionGroup var home: HomeOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let home = home.value
            try home.require()
            let configuration = try await ServerConfiguration.load(
                file: home.configuration,
                flags: [:],
                environment: Environment.all
            )
            let provider = try HomeKeys.open(home, source: configuration.keys).provider
            let current = provider.currentKeyID
            let ids = provider.keyIDs
            let json = ids.map { id in
                JSONValue.object(["id": .string(id), "current": .bool(id == current)])
            }
            output.write(.object(["keys": .array(json)])) {
                var table = Table("KEY", "CURRENT")
                for id in ids { table.add(id, id == current ? "yes" : "") }
                return table.text
            }
        }
    }
}
