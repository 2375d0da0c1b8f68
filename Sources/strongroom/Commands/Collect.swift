internal import ArgumentParser
internal import JSON
internal import Server
internal import StrongroomClient
internal import Text
internal import Wire

struct Collect: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gc",
        abstract: "Free the blobs and uploads that no version refers to.",
        discussion: """
            Without --apply it only says what would be freed. Where a server runs on the home, it \
            does the work; otherwise this command opens the registry itself.
            """
    )

    @Flag(help: "Free it, and do not only say what would be freed.")
    var apply = false

    @OptionGroup var server: ServerOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let collected: V1.CollectResponse = try await server.onServerOrHere { client in
            try await client.call(
                "Maintenance",
                "Collect",
                V1.CollectRequest(apply: apply),
                timeout: Timeouts.load
            )
        } here: { home, configuration in
            try HomeCollection.run(home, keys: configuration.keys, apply: apply)
        }
        var json = collected.json
        json = .object(["applied": .bool(apply)]).merging(json)
        output.write(json) { text(collected) }
        if collected.failed > 0 {
            throw ServerError(
                "\(collected.failed) of them could not be removed",
                hint: "the server's log or strongroom verify says more"
            )
        }
    }

    private func text(_ collected: V1.CollectResponse) -> String {
        let what =
            "\(collected.blobs) blobs of \(ByteCount.text(collected.blobBytes)), "
            + "\(collected.uploads) uploads of \(ByteCount.text(collected.uploadBytes))"
        if collected.blobs == 0, collected.uploads == 0 { return "nothing to free" }
        return apply ? "freed \(what)" : "would free \(what); --apply frees them"
    }
}
