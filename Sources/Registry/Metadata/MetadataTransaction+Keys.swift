internal import GRDB
internal import Sealing

/// A wrapped data key with what it belongs to.
struct StoredKey {
    let bundleID: [UInt8]
    /// Empty for the registry's own key.
    let model: String
    let wrapped: WrappedKey
}

extension MetadataTransaction {
    /// Stores a wrapped key.
    func insert(_ key: StoredKey) throws {
        try database.execute(
            sql: "INSERT INTO wrapped_keys VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            arguments: [
                key.bundleID.column, key.model, key.wrapped.kekID, key.wrapped.algorithm,
                key.wrapped.salt.column, key.wrapped.nonce.column, key.wrapped.ciphertext.column,
                key.wrapped.tag.column,
            ]
        )
    }

    /// The wrapped key of a bundle; `nil` if it was destroyed.
    func wrappedKey(bundleID: [UInt8]) throws -> WrappedKey? {
        try row(
            of: "wrapped_keys",
            "SELECT * FROM wrapped_keys WHERE bundle_id = ?",
            [bundleID.column]
        ).map { try MetadataTransaction.storedKey($0).wrapped }
    }

    /// Destroys the wrapped key of a bundle.
    func deleteKey(bundleID: [UInt8]) throws {
        try database.execute(
            sql: "DELETE FROM wrapped_keys WHERE bundle_id = ?",
            arguments: [bundleID.column]
        )
    }

    /// Destroys the wrapped key of an upload that became nothing; a version's key stays, whatever
    /// the upload's row says.
    func deleteUploadKey(bundleID: [UInt8]) throws {
        try database.execute(
            sql: """
                DELETE FROM wrapped_keys WHERE bundle_id = ?
                    AND bundle_id NOT IN (SELECT bundle_id FROM versions)
                """,
            arguments: [bundleID.column]
        )
    }

    /// One wrapped key of each key-encryption key that anything is wrapped with.
    func oneKeyOfEach() throws -> [StoredKey] {
        try rows(
            of: "wrapped_keys",
            "SELECT *, MIN(bundle_id) FROM wrapped_keys GROUP BY kek_id"
        ).map { try MetadataTransaction.storedKey($0) }
    }

    /// How many keys each key-encryption key wraps.
    func keyCounts() throws -> [String: UInt64] {
        var counts: [String: UInt64] = [:]
        let rows = try rows(
            of: "wrapped_keys",
            "SELECT kek_id, COUNT(*) AS count FROM wrapped_keys GROUP BY kek_id"
        )
        for row in rows { counts[try row.text("kek_id")] = try row.unsigned("count") }
        return counts
    }

    /// Keys that another key-encryption key wraps, by bundle, after `bundleID`.
    func keys(
        notUnder kekID: String,
        after bundleID: [UInt8],
        limit: Int
    ) throws -> [StoredKey] {
        try rows(
            of: "wrapped_keys",
            """
            SELECT * FROM wrapped_keys WHERE kek_id <> ? AND bundle_id > ?
            ORDER BY bundle_id LIMIT ?
            """,
            [kekID, bundleID.column, limit]
        ).map { try MetadataTransaction.storedKey($0) }
    }

    /// Stores a key as it is wrapped now, if its row is still the one that was read.
    func replace(_ key: StoredKey, with wrapped: WrappedKey) throws -> Bool {
        try database.execute(
            sql: """
                UPDATE wrapped_keys
                SET kek_id = ?, algorithm = ?, salt = ?, nonce = ?, ciphertext = ?, tag = ?
                WHERE bundle_id = ? AND kek_id = ? AND ciphertext = ? AND tag = ?
                """,
            arguments: [
                wrapped.kekID, wrapped.algorithm, wrapped.salt.column, wrapped.nonce.column,
                wrapped.ciphertext.column, wrapped.tag.column, key.bundleID.column,
                key.wrapped.kekID, key.wrapped.ciphertext.column, key.wrapped.tag.column,
            ]
        )
        return database.changesCount == 1
    }

    private static func storedKey(_ row: TableRow) throws -> StoredKey {
        StoredKey(
            bundleID: try row.hex("bundle_id"),
            model: try row.text("model"),
            wrapped: WrappedKey(
                kekID: try row.text("kek_id"),
                algorithm: try row.text("algorithm"),
                salt: try row.hex("salt"),
                nonce: try row.hex("nonce"),
                ciphertext: try row.hex("ciphertext"),
                tag: try row.hex("tag")
            )
        )
    }
}
