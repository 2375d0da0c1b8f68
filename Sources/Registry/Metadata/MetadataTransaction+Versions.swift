internal import GRDB
internal import Text

/// A version as it is stored: what lists show, what was signed, and the sealed card.
struct StoredVersion {
    var info: VersionInfo
    let bundleID: [UInt8]
    let record: [UInt8]
    let signature: [UInt8]
    /// The card, sealed under the registry's own key, so that it outlives the version's key.
    let sealedCard: [UInt8]
}

extension MetadataTransaction {
    private static let infoColumns = """
        model, version, state, reason, created_unix_ms, created_by, bytes, record_sha256, metadata
        """

    /// Whether a version of the model was ever committed.
    func modelExists(_ model: String) throws -> Bool {
        try Bool.fetchOne(
            database,
            sql: "SELECT EXISTS (SELECT 1 FROM models WHERE name = ?)",
            arguments: [model]
        ) ?? false
    }

    /// The names of models after `name`, in order, until `body` has had enough and answers
    /// false.
    func models(after name: String, _ body: (String) throws -> Bool) throws {
        try eachRow(
            of: "models",
            "SELECT name FROM models WHERE name > ? ORDER BY name",
            [name]
        ) { row in
            try body(try row.text("name"))
        }
    }

    /// Takes the next number of a model's versions, which makes the model if need be.
    func takeVersionNumber(model: String) throws -> UInt64 {
        let row = try row(of: "models", "SELECT newest FROM models WHERE name = ?", [model])
        // Read before it is counted up: SQLite would count a damaged one from 0.
        let number = try row?.next("newest") ?? 1
        try database.execute(
            sql: """
                INSERT INTO models (name, newest) VALUES (:model, :number)
                ON CONFLICT (name) DO UPDATE SET newest = :number
                """,
            arguments: ["model": model, "number": number.column]
        )
        return number
    }

    /// The highest version that is not deleted; 0 if there is none.
    func latestVersion(model: String) throws -> UInt64 {
        let row = try row(
            of: "versions",
            """
            SELECT MAX(version) AS version FROM versions WHERE model = ? AND state <> 'deleted'
            """,
            [model]
        )
        return try row?.optionalUnsigned("version") ?? 0
    }

    /// Adds a version.
    func insert(_ version: StoredVersion) throws {
        let info = version.info
        try database.execute(
            sql: """
                INSERT INTO versions (model, version, state, reason, created_unix_ms, created_by,
                    bytes, bundle_id, record_sha256, metadata, signature, sealed_card, record)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """,
            arguments: [
                info.model, info.version.column, info.state.rawValue, info.reason,
                info.createdUnixMs, info.createdBy, info.bytes.column, version.bundleID.column,
                info.recordSHA256.column, info.metadata.column, version.signature.column,
                version.sealedCard.column, String(decoding: version.record, as: UTF8.self),
            ]
        )
    }

    /// What lists show of a version, a deleted one too; `nil` if it never was.
    func versionInfo(model: String, version: UInt64) throws -> VersionInfo? {
        try row(
            of: "versions",
            """
            SELECT \(MetadataTransaction.infoColumns) FROM versions
            WHERE model = ? AND version = ?
            """,
            [model, version.column]
        ).map { try versionInfo($0) }
    }

    /// The versions of a model below `version`, newest first, deleted ones too.
    func versionInfos(model: String, before version: UInt64, limit: Int) throws -> [VersionInfo] {
        try rows(
            of: "versions",
            """
            SELECT \(MetadataTransaction.infoColumns) FROM versions
            WHERE model = ? AND version < ? ORDER BY version DESC LIMIT ?
            """,
            [model, version.column, limit]
        ).map { try versionInfo($0) }
    }

    /// All that is stored of a version, a deleted one too; `nil` if it never was.
    func version(model: String, version: UInt64) throws -> StoredVersion? {
        try row(
            of: "versions",
            "SELECT * FROM versions WHERE model = ? AND version = ?",
            [model, version.column]
        ).map { row in
            StoredVersion(
                info: try versionInfo(row),
                bundleID: try row.hex("bundle_id"),
                record: Array(try row.text("record").utf8),
                signature: try row.hex("signature"),
                sealedCard: try row.hex("sealed_card")
            )
        }
    }

    /// Changes whether a version may serve.
    func setState(
        model: String,
        version: UInt64,
        state: VersionState,
        reason: String
    ) throws {
        try database.execute(
            sql: "UPDATE versions SET state = ?, reason = ? WHERE model = ? AND version = ?",
            arguments: [state.rawValue, reason, model, version.column]
        )
    }

    private func versionInfo(_ row: TableRow) throws -> VersionInfo {
        let model = try row.text("model")
        let version = try row.unsigned("version")
        return VersionInfo(
            model: model,
            version: version,
            createdUnixMs: try row.integer("created_unix_ms"),
            createdBy: try row.text("created_by"),
            bytes: try row.unsigned("bytes"),
            recordSHA256: try row.hex("record_sha256"),
            aliases: try aliasNames(model: model, version: version),
            state: try row.word("state", as: VersionState.self),
            reason: try row.text("reason"),
            metadata: try [ExactString: ExactString](column: try row.canonical("metadata"))
        )
    }
}
