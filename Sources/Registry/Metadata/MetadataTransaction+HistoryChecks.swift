internal import GRDB

/// Rows as they are, for whoever compares them with the audit log.
extension MetadataTransaction {
    /// A move of an alias; `nil` if there is none.
    func checkedMove(model: String, name: String, generation: Int64) throws -> CheckedRow? {
        try checkedRow(
            "SELECT * FROM alias_moves WHERE model = ? AND name = ? AND generation = ?",
            [model, name, generation]
        )
    }

    /// Of which alias and generation every move is, one after another.
    func eachMovePlace(_ body: (CheckedRow) throws -> Void) throws {
        try eachChecked("SELECT model, name, generation FROM alias_moves NOT INDEXED", body)
    }

    /// State and reason of every version, one after another, from the table itself.
    func eachVersionState(_ body: (CheckedRow) throws -> Void) throws {
        try eachChecked("SELECT model, version, state, reason FROM versions NOT INDEXED", body)
    }

    /// The places of uploads that became a version, in their table.
    func committedUploadPlaces(after place: Int64, limit: Int) throws -> [Int64] {
        try checkedRows(
            """
            SELECT rowid AS place FROM uploads NOT INDEXED
            WHERE rowid > ? AND version IS NOT NULL ORDER BY rowid LIMIT ?
            """,
            [place, limit]
        ).map { try $0.integer("place") }
    }

    /// The committed upload at a place; `nil` if there is none any more.
    func committedUpload(place: Int64) throws -> CheckedRow? {
        try checkedRow(
            "SELECT * FROM uploads NOT INDEXED WHERE rowid = ? AND version IS NOT NULL",
            [place]
        )
    }

    /// A version's row; `nil` if there is none.
    func checkedVersion(model: String, version: Int64) throws -> CheckedRow? {
        try checkedRow("SELECT * FROM versions WHERE model = ? AND version = ?", [model, version])
    }

    /// Which version has a bundle; `nil` if none has.
    func checkedVersion(bundleID: String) throws -> CheckedRow? {
        try checkedRow("SELECT model, version FROM versions WHERE bundle_id = ?", [bundleID])
    }

    /// Whether there is an upload of a bundle, or one that became a version.
    func hasUpload(bundleID: String, model: String, version: Int64) throws -> Bool {
        try checkedRow(
            """
            SELECT 1 FROM uploads WHERE bundle_id = ?
            UNION ALL SELECT 1 FROM uploads WHERE model = ? AND version = ? LIMIT 1
            """,
            [bundleID, model, version]
        ) != nil
    }

    /// Whether an upload has finished files.
    func hasUploadFiles(id: String) throws -> Bool {
        try checkedRow("SELECT 1 FROM upload_files WHERE upload_id = ? LIMIT 1", [id]) != nil
    }

    private func eachChecked(_ sql: String, _ body: (CheckedRow) throws -> Void) throws {
        let rows = try Row.fetchCursor(database, sql: sql)
        while let row = try rows.next() { try body(MetadataTransaction.checked(row)) }
    }
}
