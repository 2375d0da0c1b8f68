internal import ArgumentParser
internal import JSON
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

    @OptionGroup var overrides: MoveOverrideOptions
    @OptionGroup var server: ServerOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let pairs = try parsedMetadata()
        let bundle = try ModelBundle(path: path)
        let bar = ProgressBar(label: "publishing \(model)")
        defer { bar.finish() }
        let options = PublishOptions(
            alias: alias == "NONE" ? nil : alias,
            metadata: pairs,
            idempotencyKey: idempotencyKey,
            wait: !noWait,
            allowSignatureChange: overrides.allowSignatureChange,
            force: overrides.force
        )
        let (published, compared) = try await server.withClient {
            client -> (Published, BatchingComparison?) in
            let published = try await client.publish(
                bundle,
                as: model,
                options,
                retrying: Self.tellOfRetry
            ) { held, total in
                bar.update(held, of: total)
            }
            let version = published.version
            let isLoaded = !noWait && version.state == .stored && !version.aliases.isEmpty
            return (published, isLoaded ? await .init(of: version, client) : nil)
        }
        bar.finish()
        output.write(json(published).merging(compared?.json ?? .object([:]))) {
            [text(published), compared?.text].compactMap { $0 }.joined(separator: "\n")
        }
        try checkMoved(published)
    }

    private static func tellOfRetry(_ version: V1.Version) {
        let line =
            "version \(version.version) was rejected before: \(version.reason); trying it again"
        StandardError.write("strongroom: \(line.escaped)\n")
    }

    private func checkMoved(_ published: Published) throws {
        let version = published.version
        if version.state == .rejected, !version.isBeingTried {
            throw ServerError(
                "version \(version.version) was rejected: \(version.reason)",
                hint:
                    "correct the bundle and publish it again: it becomes the next version; after a "
                    + "change of the machine, strongroom validate \(version.model) "
                    + "\(version.version) tries this one again"
            )
        }
        if version.state == .rejected, !noWait {
            throw ServerError(
                "the server stops, and version \(version.version) has no new verdict yet",
                hint: "publish it again when the server has started"
            )
        }
        if let refusal = published.refusal {
            throw ServerError(
                "version \(version.version) is stored, and alias '\(alias)' was not moved to it: "
                    + refusal,
                hint: MoveTexts.hint(for: refusal)
            )
        }
    }

    private func json(_ published: Published) -> JSONValue {
        published.version.json.merging(
            .object([
                "signature_changes": .texts(published.signatureChanges),
                "pending": .bool(published.isPending),
                "refusal": .string(published.refusal ?? ""),
            ])
        )
    }

    private func text(_ published: Published) -> String {
        let version = published.version
        let line =
            "\(version.model.escaped) version \(version.version), \(ByteCount.text(version.bytes)): "
            + place(of: published)
        return MoveTexts.lines(line, published.signatureChanges)
    }

    private func place(of published: Published) -> String {
        let version = published.version
        if published.isPending { return "the move of alias \(alias.escaped) to it is pending" }
        if version.state == .rejected, version.isBeingTried {
            return "is being validated; move an alias to it when it has passed"
        }
        let aliases = version.aliases.joined(separator: ", ").escaped
        return aliases.isEmpty ? version.state.name.lowercased() : "answers for \(aliases)"
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
