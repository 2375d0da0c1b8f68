internal import ArgumentParser
internal import Server
internal import StrongroomClient
internal import Text
internal import Wire

struct Publish: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Publish a bundle as the next version of a model, and take it live."
    )

    @Argument(help: "The model's name.")
    var model: String

    @Argument(help: "A bundle's folder, or a model file.")
    var path: String

    @Option(help: "The alias to move when the version is ready; NONE moves none.")
    var alias = "live"

    @Option(
        help: ArgumentHelp("Kept with the version; may be repeated.", valueName: "key=value")
    )
    var metadata: [String] = []

    @Option(
        help: ArgumentHelp(
            "The same key publishes once (default: a digest of bundle and metadata).",
            valueName: "key"
        )
    )
    var idempotencyKey: String?

    @Flag(help: "Do not wait until the version is live or rejected.")
    var noWait = false

    @OptionGroup var server: ServerOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let pairs = try parsedMetadata()
        let bundle = try ModelBundle(path: path)
        let bar = ProgressBar(label: "publishing \(model)")
        defer { bar.finish() }
        let version = try await server.withClient { client in
            try await client.publishVersion(
                model: model,
                bundle: bundle,
                alias: alias == "NONE" ? nil : alias,
                metadata: pairs,
                idempotencyKey: idempotencyKey,
                wait: !noWait
            ) { held, total in
                bar.update(held, of: total)
            }
        }
        bar.finish()
        output.write(version.json) { text(version) }
        if version.state == .rejected {
            throw ServerError("version \(version.version) was rejected: \(version.reason)")
        }
    }

    private func text(_ version: V1.Version) -> String {
        let size = ByteCount.text(version.bytes)
        let aliases = version.aliases.joined(separator: ", ")
        let place = aliases.isEmpty ? version.state.name.lowercased() : "answers for \(aliases)"
        return "\(version.model) version \(version.version), \(size): \(place)"
    }

    private func parsedMetadata() throws -> [ExactString: ExactString] {
        var pairs: [ExactString: ExactString] = [:]
        for text in metadata {
            let parts = ExactString(text).split(at: "=", maxSplits: 1)
            guard parts.count == 2, let key = parts.first, !key.isEmpty else {
                throw UsageError("--metadata \(quoted(text)): expected KEY=VALUE")
            }
            guard pairs.updateValue(parts[1], forKey: key) == nil else {
                throw UsageError("--metadata \(quoted(key)) is given twice")
            }
        }
        return pairs
    }
}
