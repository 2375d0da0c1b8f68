internal import GRDB
internal import Sealing
internal import Text

/// An upload as it is stored: the lease of its blobs while it is open, and afterwards what its
/// idempotency key stands for.
struct StoredUpload {
    let id: String
    /// The server that began it.
    let serverID: String
    let principal: String
    let model: String
    let idempotencyKey: String
    /// The code of ``UploadMAC`` over what it was begun as.
    var mac: [UInt8]
    let bundleID: [UInt8]
    let usedUnixMs: Int64
    /// What it became; `nil` while it is open.
    let version: UInt64?
    /// The alias that its commit asked for.
    let alias: String?
    /// The generation of that move.
    let aliasGeneration: UInt64?
    let metadata: [ExactString: ExactString]
    let files: [BundleFile]
}

/// A file of an upload that is sealed, synced and named.
struct StoredFile: Equatable, Sendable {
    /// Of the plaintext that came, which a commit compares with the declared one.
    let sha256: [UInt8]
    let sealedBytes: UInt64
    let sealedSHA256: [UInt8]
    let commitment: [UInt8]
}

/// The row of a finished file.
struct StoredFileRow {
    let file: StoredFile
    /// The code of ``UploadMAC`` over it.
    let mac: [UInt8]
}

extension MetadataTransaction {
    /// An upload; `nil` if there is none.
    func upload(id: String) throws -> StoredUpload? {
        try row(of: "uploads", "SELECT * FROM uploads WHERE id = ?", [id])
            .map { try MetadataTransaction.storedUpload($0) }
    }

    /// The upload that an idempotency key stands for; `nil` if there is none.
    func upload(principal: String, model: String, idempotencyKey: String) throws -> StoredUpload? {
        guard !idempotencyKey.isEmpty else { return nil }
        return try row(
            of: "uploads",
            """
            SELECT * FROM uploads
            WHERE principal = ? AND model = ? AND idempotency_key = ?
                AND idempotency_key <> ''
            """,
            [principal, model, idempotencyKey]
        ).map { try MetadataTransaction.storedUpload($0) }
    }

    /// How many uploads are open.
    func openUploadCount() throws -> Int {
        try Int.fetchOne(
            database,
            sql: "SELECT COUNT(*) FROM uploads WHERE version IS NULL"
        ) ?? 0
    }

    /// How many uploads of a principal are open.
    func openUploadCount(of principal: String) throws -> Int {
        try Int.fetchOne(
            database,
            sql: "SELECT COUNT(*) FROM uploads WHERE version IS NULL AND principal = ?",
            arguments: [principal]
        ) ?? 0
    }

    /// The open uploads with when they were last used.
    func openUploads() throws -> [(id: String, usedUnixMs: Int64)] {
        try rows(of: "uploads", "SELECT id, used_unix_ms FROM uploads WHERE version IS NULL")
            .map { (try $0.text("id"), try $0.integer("used_unix_ms")) }
    }

    /// Adds an upload.
    func insert(_ upload: StoredUpload) throws {
        try database.execute(
            sql: """
                INSERT INTO uploads (id, server_id, principal, model, idempotency_key,
                    mac, bundle_id, used_unix_ms, metadata, files)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """,
            arguments: [
                upload.id, upload.serverID, upload.principal, upload.model,
                upload.idempotencyKey, upload.mac.column, upload.bundleID.column,
                upload.usedUnixMs, upload.metadata.column,
                String(decoding: BundleFile.canonical(upload.files).encoded(), as: UTF8.self),
            ]
        )
    }

    /// Says what an upload became. What its files were is in the version's record from now on.
    func setUploadCommitted(
        id: String,
        version: UInt64,
        alias: String?,
        aliasGeneration: UInt64?
    ) throws {
        try database.execute(
            sql: """
                UPDATE uploads SET version = ?, alias = ?, alias_generation = ? WHERE id = ?
                """,
            arguments: [version.column, alias, aliasGeneration?.column, id]
        )
        try database.execute(
            sql: "DELETE FROM upload_files WHERE upload_id = ?",
            arguments: [id]
        )
    }

    /// Removes an upload with its files.
    func deleteUpload(id: String) throws {
        try database.execute(sql: "DELETE FROM uploads WHERE id = ?", arguments: [id])
    }

    /// Removes what led to a version, so that its idempotency key is free again.
    func deleteUploads(model: String, version: UInt64) throws {
        try database.execute(
            sql: "DELETE FROM uploads WHERE model = ? AND version = ?",
            arguments: [model, version.column]
        )
    }

    /// The finished files of an upload by index.
    func uploadFiles(id: String) throws -> [Int: StoredFileRow] {
        var files: [Int: StoredFileRow] = [:]
        let rows = try rows(
            of: "upload_files",
            "SELECT * FROM upload_files WHERE upload_id = ?",
            [id]
        )
        for row in rows {
            files[Int(clamping: try row.unsigned("file_index"))] = StoredFileRow(
                file: StoredFile(
                    sha256: try row.hex("sha256"),
                    sealedBytes: try row.unsigned("sealed_bytes"),
                    sealedSHA256: try row.hex("sealed_sha256"),
                    commitment: try row.hex("commitment")
                ),
                mac: try row.hex("mac")
            )
        }
        return files
    }

    /// Says that a file of an upload is finished.
    func insertUploadFile(
        id: String,
        index: Int,
        _ row: StoredFileRow,
        usedUnixMs: Int64
    ) throws {
        let file = row.file
        try database.execute(
            sql: "INSERT OR REPLACE INTO upload_files VALUES (?, ?, ?, ?, ?, ?, ?)",
            arguments: [
                id, index, file.sha256.column, file.sealedBytes.column,
                file.sealedSHA256.column, file.commitment.column, row.mac.column,
            ]
        )
        try database.execute(
            sql: "UPDATE uploads SET used_unix_ms = ? WHERE id = ?",
            arguments: [usedUnixMs, id]
        )
    }

    /// Says that a file of an upload is to be sent again.
    func deleteUploadFile(id: String, index: Int) throws {
        try database.execute(
            sql: "DELETE FROM upload_files WHERE upload_id = ? AND file_index = ?",
            arguments: [id, index]
        )
    }

    private static func storedUpload(_ row: TableRow) throws -> StoredUpload {
        StoredUpload(
            id: try row.text("id"),
            serverID: try row.text("server_id"),
            principal: try row.text("principal"),
            model: try row.text("model"),
            idempotencyKey: try row.text("idempotency_key"),
            mac: try row.hex("mac"),
            bundleID: try row.hex("bundle_id"),
            usedUnixMs: try row.integer("used_unix_ms"),
            version: try row.optionalUnsigned("version"),
            alias: try row.optionalText("alias"),
            aliasGeneration: try row.optionalUnsigned("alias_generation"),
            metadata: try [ExactString: ExactString](column: try row.canonical("metadata")),
            files: try BundleFile.list(canonical: try row.canonical("files"))
        )
    }
}
