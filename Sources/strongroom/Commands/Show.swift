internal import ArgumentParser
internal import JSON
internal import Sealing
internal import StrongroomClient
internal import Text
internal import Wire

struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show one version: its tensors, files, record and state."
    )

    @Argument(help: "The model's name.")
    var model: String

    @Option(help: "The version (default: the one that answers for live).")
    var version: UInt64?

    @OptionGroup var server: ServerOptions
    @OptionGroup var output: OutputOptions

    private struct Shown {
        var stored = V1.GetVersionResponse()
        var files: [V1.File] = []
        /// Nil where the version cannot be loaded: rejected or deleted.
        var loaded: V1.GetModelResponse?
    }

    func run() async throws {
        let shown = try await server.withClient { client in try await fetch(client) }
        output.write(json(shown)) { text(shown) }
    }

    private func fetch(_ client: StrongroomClient) async throws -> Shown {
        var shown = Shown()
        let number: UInt64
        if let version {
            number = version
        } else {
            let live: V1.GetModelResponse = try await client.call(
                "Prediction",
                "GetModel",
                V1.GetModelRequest(model: V1.ModelSpec(name: model))
            )
            shown.loaded = live
            number = live.version
        }
        var token = ""
        repeat {
            let page: V1.GetVersionResponse = try await client.call(
                "Registry",
                "GetVersion",
                V1.GetVersionRequest(model: model, version: number, pageToken: token)
            )
            if token.isEmpty { shown.stored = page }
            shown.files += page.files
            token = page.nextPageToken
        } while !token.isEmpty
        if shown.loaded == nil, shown.stored.version?.state == .stored {
            shown.loaded = try await client.call(
                "Prediction",
                "GetModel",
                V1.GetModelRequest(model: V1.ModelSpec(name: model, selector: .version(number))),
                timeout: Timeouts.load
            )
        }
        return shown
    }

    private func json(_ shown: Shown) -> JSONValue {
        let told = shown.loaded?.metadata ?? [:]
        var value: JSONValue = .object([
            "version": (shown.stored.version ?? V1.Version()).json,
            "files": .array(shown.files.map(\.json)),
            "record": .bytes(shown.stored.record),
            "record_signature": .bytes(shown.stored.recordSignature),
        ])
        guard let loaded = shown.loaded else { return value }
        value = value.merging(
            .object([
                "name": .string(loaded.name), "engine": .string(loaded.engine),
                "inputs": .array(loaded.inputs.map(\.json)),
                "outputs": .array(loaded.outputs.map(\.json)),
                "metadata": .map(loaded.metadata),
                "limits": (loaded.limits ?? V1.Limits()).json,
                "batching": .object([
                    "mode": .string(told["strongroom.batching.mode"]?.text ?? ""),
                    "merged": .bool(told["strongroom.batching"] == "merged"),
                    "why": .string(told["strongroom.batching.why"]?.text ?? ""),
                ]),
                "deterministic": .bool(told["strongroom.deterministic"] == "yes"),
                "isolation": .object([
                    "mode": .string(told["strongroom.isolation"]?.text ?? ""),
                    "why": .string(told["strongroom.isolation.why"]?.text ?? ""),
                    "node": told["strongroom.isolation.node"].map { .string($0.text) } ?? .null,
                ]),
            ])
        )
        return value
    }

    /// The line on the process in which the version runs.
    private static func isolation(_ metadata: [ExactString: ExactString]) -> String {
        let mode = metadata["strongroom.isolation"] ?? ""
        let why = metadata["strongroom.isolation.why"] ?? ""
        let node = metadata["strongroom.isolation.node"].map { " (\($0))" } ?? ""
        return "  isolation  \(mode): \(why)\(node)"
    }

    private func text(_ shown: Shown) -> String {
        let version = shown.stored.version ?? V1.Version()
        var lines = [
            "\(version.model) version \(version.version), \(version.state.name)",
            "  created    \(Moment.text(unixMs: version.createdUnixMs)) by \(version.createdBy)",
            "  record     \(Hex.encode(version.recordSha256))",
        ]
        if !version.aliases.isEmpty {
            lines.append("  aliases    \(version.aliases.joined(separator: ", "))")
        }
        if !version.reason.isEmpty { lines.append("  reason     \(version.reason)") }
        for (key, value) in version.metadata.sorted(by: { $0.key < $1.key }) {
            lines.append("  metadata   \(key)=\(value)")
        }
        for replica in version.replicas {
            lines.append("  replica    \(replica.server) \(replica.load.name)")
        }
        if let loaded = shown.loaded {
            lines += loaded.inputs.map { "  input      \($0.text)" }
            lines += loaded.outputs.map { "  output     \($0.text)" }
            let merged = loaded.metadata["strongroom.batching"] ?? ""
            let why = loaded.metadata["strongroom.batching.why"] ?? ""
            lines.append("  batching   \(merged): \(why)")
            lines.append("  deterministic: \(loaded.metadata["strongroom.deterministic"] ?? "")")
            lines.append(Self.isolation(loaded.metadata))
        }
        lines += shown.files.map { "  file       \($0.path) \(ByteCount.text($0.size))" }
        return lines.map(\.escaped).joined(separator: "\n")
    }
}
