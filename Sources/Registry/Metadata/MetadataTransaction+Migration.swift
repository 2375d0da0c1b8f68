internal import GRDB
internal import Sealing
internal import Text

/// The steps of the migration from format 1.
extension MetadataTransaction {
    /// The digests of files and metadata that rows of format 1 have, by the id of the upload. A
    /// damaged one is empty, which no upload has.
    func uploadDigests() throws -> [(id: String, digest: [UInt8])] {
        try rows(of: "uploads", "SELECT id, contents_sha256 FROM uploads").map { row in
            (try row.text("id"), (try? row.hex("contents_sha256")) ?? [])
        }
    }

    /// Makes the tables of the present format that the former one has otherwise, with all their
    /// rows, and names the format. Codes are empty.
    ///
    /// Tables are made under their own names from the statements of the format: the text of a
    /// statement that renames a table or adds a column is not theirs.
    func rebuildFormerTables(_ former: DatabaseFormat) throws {
        // A table before those that refer to it.
        let tables = ["uploads", "upload_files", "alias_moves"]
        let created = DatabaseFormat.current.objects.filter { tables.contains($0.table.text) }
        let statements = { (kind: String) in
            created.filter { $0.kind.text == kind }.compactMap { $0.statement?.text }
        }
        for table in tables {
            try database.execute(sql: "ALTER TABLE \(table) RENAME TO former_\(table)")
        }
        for statement in statements("table") { try database.execute(sql: statement) }
        try copyFormerRows(former)
        for table in tables.reversed() {
            try database.execute(sql: "DROP TABLE former_\(table)")
        }
        for statement in statements("index") { try database.execute(sql: statement) }
        try DatabaseFormat.current.name(in: database)
    }

    private func copyFormerRows(_ former: DatabaseFormat) throws {
        let overrides = former.hasMoveOverrides ? "allow_signature_change, force" : "0, 0"
        try database.execute(
            sql: """
                INSERT INTO uploads SELECT id, server_id, principal, model, idempotency_key, '',
                    bundle_id, used_unix_ms, version, alias, alias_generation, metadata, files
                FROM former_uploads ORDER BY rowid;
                INSERT INTO upload_files SELECT upload_id, file_index, sha256, sealed_bytes,
                    sealed_sha256, commitment, '' FROM former_upload_files ORDER BY rowid;
                INSERT INTO alias_moves SELECT model, name, generation, is_rollback, from_version,
                    to_version, principal, reason, asked_unix_ms, served_unix_ms, outcome,
                    \(overrides) FROM former_alias_moves ORDER BY rowid;
                """
        )
    }

    /// Sets the code of an upload's row.
    func setCode(of id: String, _ code: [UInt8]) throws {
        try database.execute(
            sql: "UPDATE uploads SET mac = ? WHERE id = ?",
            arguments: [code.column, id]
        )
    }

    /// Sets the code of the row of a finished file.
    func setCode(of id: String, file index: Int, _ code: [UInt8]) throws {
        try database.execute(
            sql: "UPDATE upload_files SET mac = ? WHERE upload_id = ? AND file_index = ?",
            arguments: [code.column, id, index]
        )
    }
}
