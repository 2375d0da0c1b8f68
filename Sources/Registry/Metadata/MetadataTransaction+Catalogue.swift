internal import GRDB
internal import Text

/// The signed head as it is stored, with the columns that it has to agree with.
struct StoredHead: Equatable, Sendable {
    let registryID: [UInt8]
    let sequence: UInt64
    let recordSHA256: [UInt8]
    let head: [UInt8]
    let signature: [UInt8]
}

extension MetadataTransaction {
    /// The head; `nil` in a database that was never finished.
    func head() throws -> StoredHead? {
        try row(of: "catalogue", "SELECT * FROM catalogue WHERE id = 1").map { row in
            StoredHead(
                registryID: try row.hex("registry_id"),
                sequence: try row.unsigned("sequence"),
                recordSHA256: try row.hex("record_sha256"),
                head: Array(try row.text("head").utf8),
                signature: try row.hex("signature")
            )
        }
    }

    /// Replaces the head.
    func setHead(_ head: StoredHead) throws {
        try database.execute(
            sql: """
                INSERT INTO catalogue (id, registry_id, sequence, record_sha256, head, signature)
                VALUES (1, ?, ?, ?, ?, ?)
                ON CONFLICT (id) DO UPDATE SET sequence = excluded.sequence,
                    record_sha256 = excluded.record_sha256, head = excluded.head,
                    signature = excluded.signature
                """,
            arguments: [
                head.registryID.column, head.sequence.column, head.recordSHA256.column,
                String(decoding: head.head, as: UTF8.self), head.signature.column,
            ]
        )
    }

    /// Every alias of every model, as a head states them.
    func headAliases() throws -> [ExactString: [ExactString: CatalogueHead.Alias]] {
        var aliases: [ExactString: [ExactString: CatalogueHead.Alias]] = [:]
        try eachRow(
            of: "aliases",
            "SELECT model, name, generation, version, target_version FROM aliases"
        ) { row in
            let model = ExactString(try row.text("model"))
            let name = ExactString(try row.text("name"))
            aliases[model, default: [:]][name] = CatalogueHead.Alias(
                generation: try row.unsigned("generation"),
                version: try row.unsigned("version"),
                targetVersion: try row.unsigned("target_version")
            )
            return true
        }
        return aliases
    }
}
