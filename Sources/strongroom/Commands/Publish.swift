internal import ArgumentParser
internal import JSON
internal import Server
internal import StrongroomClient
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
        let (version, compared) = try await server.withClient {
            client -> (V1.Version, Comparison?) in
            let version = try await client.publishVersion(
                model: model,
                bundle: bundle,
                alias: alias == "NONE" ? nil : alias,
                metadata: pairs,
                idempotencyKey: idempotencyKey,
                wait: !noWait
            ) { held, total in
                bar.update(held, of: total)
            }
            return (version, await comparison(of: version, client))
        }
        bar.finish()
        output.write(version.json.merging(compared?.json ?? .object([:]))) {
            [text(version), compared?.text].compactMap { $0 }.joined(separator: "\n")
        }
        if version.state == .rejected {
            throw ServerError("version \(version.version) was rejected: \(version.reason)")
        }
    }

    /// The comparison of merged runs with single ones, made when the version was loaded.
    private struct Comparison {
        let isMerged: Bool
        let milliseconds: String

        var json: JSONValue {
            .object([
                "batching": .object([
                    "merged": .bool(isMerged), "check_ms": .number(milliseconds),
                ])
            ])
        }

        var text: String {
            "  batching   \(isMerged ? "merged" : "unmerged"), compared in \(milliseconds) ms"
        }
    }

    /// Nil for a version that is not loaded, and where the server does not tell: the version is
    /// published all the same.
    private func comparison(
        of version: V1.Version,
        _ client: StrongroomClient
    ) async -> Comparison? {
        guard !noWait, version.state == .stored, !version.aliases.isEmpty else { return nil }
        let spec = V1.ModelSpec(name: model, selector: .version(version.version))
        let loaded: V1.GetModelResponse? = try? await client.call(
            "Prediction",
            "GetModel",
            V1.GetModelRequest(model: spec)
        )
        guard let metadata = loaded?.metadata,
            let milliseconds = metadata["strongroom.batching.check_ms"],
            UInt64(milliseconds) != nil
        else { return nil }
        return Comparison(
            isMerged: metadata["strongroom.batching"] == "merged",
            milliseconds: milliseconds
        )
    }

    private func text(_ version: V1.Version) -> String {
        let size = ByteCount.text(version.bytes)
        let aliases = version.aliases.joined(separator: ", ")
        let place = aliases.isEmpty ? version.state.name.lowercased() : "answers for \(aliases)"
        return "\(version.model) version \(version.version), \(size): \(place)"
    }

    private func parsedMetadata() throws -> [String: String] {
        var pairs: [String: String] = [:]
        for text in metadata {
            guard let equals = text.firstIndex(of: "="), equals != text.startIndex else {
                throw UsageError("--metadata '\(text)': expected KEY=VALUE")
            }
            let key = String(text[..<equals])
            guard pairs.updateValue(String(text[text.index(after: equals)...]), forKey: key) == nil
            else { throw UsageError("--metadata '\(key)' is given twice") }
        }
        return pairs
    }
}
