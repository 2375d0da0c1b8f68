internal import ArgumentParser
internal import JSON
internal import Registry
internal import Sealing
internal import Server
internal import StrongroomClient
internal import Text
internal import Wire

struct Audit: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List what was done to the registry, by whom and when; or check the list.",
        discussion: """
            The server shows sequences and hashes to clients that observe all models. --verify \
            and --save-checkpoint need the whole log: they read the home itself, whether a server \
            runs on it or not, and need no key-encryption key.
            """
    )

    @Option(help: "Only this model's events.")
    var model = ""

    @Flag(help: "Check the chain of events and that the signed head covers the newest.")
    var verify = false

    @Option(
        help: ArgumentHelp(
            "With --verify: a kept checkpoint, whose event must still be there.",
            valueName: "file"
        )
    )
    var checkpoint: String?

    @Option(
        help: ArgumentHelp(
            "Write the signed head to a file, to be kept elsewhere.",
            valueName: "file"
        )
    )
    var saveCheckpoint: String?

    @OptionGroup var server: ServerOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        guard checkpoint == nil || verify else {
            throw UsageError("--checkpoint goes with --verify")
        }
        guard !verify || saveCheckpoint == nil, model.isEmpty || (!verify && saveCheckpoint == nil)
        else {
            throw UsageError("--verify, --save-checkpoint and --model exclude each other")
        }
        if verify { return try await check() }
        if let saveCheckpoint { return try await save(to: saveCheckpoint) }
        let events = try await list()
        output.write(.object(["events": .array(events.map(\.json))])) {
            var table = Table("SEQUENCE", "WHEN", "WHO", "ACTION", "MODEL", "VERSION", "DETAIL")
            for event in events {
                table.add(
                    event.sequence == 0 ? "" : String(event.sequence),
                    Moment.text(unixMs: event.unixMs),
                    event.principal,
                    event.action,
                    event.model,
                    event.version == 0 ? "" : String(event.version),
                    event.detail
                )
            }
            return table.text
        }
    }

    private func list() async throws -> [V1.AuditEvent] {
        try await server.withClient { client in
            var events: [V1.AuditEvent] = []
            var token = ""
            repeat {
                let page: V1.ListAuditEventsResponse = try await client.call(
                    "Registry",
                    "ListAuditEvents",
                    V1.ListAuditEventsRequest(model: model, pageToken: token)
                )
                events += page.events
                token = page.nextPageToken
            } while !token.isEmpty
            return events
        }
    }

    private func check() async throws {
        let (home, keys) = try await place()
        let kept = try checkpoint.map { try CheckpointFile.read($0) }
        let list = FindingList(output.format)
        let summary = try HomeVerification.checkAudit(home, keys: keys, checkpoint: kept) {
            list.add($0)
        }
        let json = JSONValue.object([
            "events": .number(summary.events), "sequence": .number(summary.sequence),
            "checkpoint": .bool(kept != nil), "fault_count": .number(summary.faults),
            "faults": list.json(.fault),
        ])
        output.write(json) {
            "\(summary.events) audit events, the signed head covers \(summary.sequence): "
                + "\(summary.faults) faults"
        }
        if summary.faults > 0 { throw ServerError("\(summary.faults) faults were found") }
    }

    private func save(to file: String) async throws {
        let (home, keys) = try await place()
        let kept = try HomeVerification.checkpoint(home, keys: keys)
        try CheckpointFile.write(kept, to: file)
        output.write(.object(["file": .string(file)])) { "the signed head is in \(file)" }
    }

    private func place() async throws -> (Home, keys: String?) {
        let home = server.home.value
        try home.require()
        let configuration = try await ServerConfiguration.load(
            file: home.configuration,
            flags: [:],
            environment: Environment.all
        )
        return (home, configuration.keys)
    }
}

/// A checkpoint as a file: `{"head": "...", "signature": "hex"}` and a line feed.
private enum CheckpointFile {
    static func write(_ checkpoint: Checkpoint, to path: String) throws {
        let json = JSONValue.object([
            "head": .string(String(decoding: checkpoint.head, as: UTF8.self)),
            "signature": .bytes(checkpoint.signature),
        ])
        try Files.write(path, text: json.text + "\n", mode: 0o644)
    }

    static func read(_ path: String) throws -> Checkpoint {
        let value: JSONValue
        do {
            value = try JSONValue(parsing: try Files.read(path))
        } catch let error as JSONError {
            throw ServerError("\(path) is no checkpoint: \(error)")
        }
        guard case .string(let head) = value["head"],
            case .string(let signature) = value["signature"],
            let signature = Hex.decode(signature)
        else { throw ServerError("\(path) is no checkpoint: expected head and signature") }
        return Checkpoint(head: Array(head.utf8), signature: signature)
    }
}
