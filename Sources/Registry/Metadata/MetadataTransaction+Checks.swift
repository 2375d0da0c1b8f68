internal import GRDB

/// Rows as they are, for whoever has to find out what is wrong with them.
extension MetadataTransaction {
    /// What SQLite finds wrong with the file, at most `limit` lines; empty if it is whole.
    func integrityFindings(limit: Int) throws -> [String] {
        try String.fetchAll(database, sql: "PRAGMA integrity_check(\(limit))")
            .filter { $0 != "ok" }
    }

    /// Rows that refer to rows that are not there, at most `limit`.
    func foreignKeyFindings(limit: Int) throws -> [String] {
        var findings: [String] = []
        let rows = try Row.fetchCursor(database, sql: "PRAGMA foreign_key_check")
        while findings.count < limit, let row = try rows.next() {
            let row = MetadataTransaction.checked(row)
            let table = (try? row.text("table")) ?? "?"
            let parent = (try? row.text("parent")) ?? "?"
            findings.append("a row of \(table) refers to a row of \(parent) that is not there")
        }
        return findings
    }

    /// The head's row; `nil` if there is none.
    func checkedHead() throws -> CheckedRow? {
        try checkedRow("SELECT * FROM catalogue WHERE id = 1")
    }

    /// Rows beside the head's, which is the only one.
    func otherHeads(limit: Int) throws -> [CheckedRow] {
        try checkedRows("SELECT id FROM catalogue WHERE id <> 1 LIMIT ?", [limit])
    }

    /// The places of versions in their table, from the table itself: a damaged index hides none.
    func versionPlaces(after place: Int64, limit: Int) throws -> [Int64] {
        try checkedRows(
            """
            SELECT rowid AS place FROM versions NOT INDEXED WHERE rowid > ? ORDER BY rowid LIMIT ?
            """,
            [place, limit]
        ).map { try $0.integer("place") }
    }

    /// The last place; 0 without versions. No place is past the versions that a database of this
    /// size can hold, whatever a damaged page says: places count from 1, and none is ever free.
    func lastVersionPlace() throws -> Int64 {
        try checkedRow(
            """
            SELECT MIN(COALESCE(MAX(rowid), 0),
                (SELECT page_count FROM pragma_page_count)
                    * (SELECT page_size FROM pragma_page_size) / ?) AS place
            FROM versions NOT INDEXED
            """,
            [Limits.minVersionRowBytes]
        )?.integer("place") ?? 0
    }

    /// The version at a place; `nil` if there is none.
    func checkedVersion(place: Int64) throws -> CheckedRow? {
        try checkedRow("SELECT * FROM versions NOT INDEXED WHERE rowid = ?", [place])
    }

    /// The row of a wrapped key; `nil` if there is none.
    func checkedKey(bundleID: String) throws -> CheckedRow? {
        try checkedRow("SELECT * FROM wrapped_keys WHERE bundle_id = ?", [bundleID])
    }

    /// The bundles of wrapped keys that belong to no version that is not deleted, to no open
    /// upload, and not to the registry; at most `limit`.
    func strayKeys(registryID: String, limit: Int) throws -> [CheckedRow] {
        try checkedRows(
            """
            SELECT bundle_id FROM wrapped_keys WHERE bundle_id <> ?
                AND bundle_id NOT IN (SELECT bundle_id FROM versions WHERE state <> 'deleted')
                AND bundle_id NOT IN (SELECT bundle_id FROM uploads WHERE version IS NULL)
            LIMIT ?
            """,
            [registryID, limit]
        )
    }

    /// Models whose highest number given is not that of their versions, which are 1, 2, 3 ...
    func unevenModels(limit: Int) throws -> [CheckedRow] {
        try checkedRows(
            """
            SELECT name, newest, COUNT(version) AS held, MAX(version) AS last
            FROM models LEFT JOIN versions ON model = name GROUP BY name
            HAVING held <> newest OR last IS NOT newest LIMIT ?
            """,
            [limit]
        )
    }

    /// Plaintext bytes of all versions that are not deleted.
    func totalBytes() throws -> UInt64 {
        let row = try checkedRow(
            "SELECT COALESCE(SUM(MAX(bytes, 0)), 0) AS total FROM versions WHERE state <> 'deleted'"
        )
        return try row?.unsigned("total") ?? 0
    }

    /// All aliases, with what the table of versions says of the versions that they name.
    func checkedAliases() throws -> [CheckedRow] {
        try checkedRows(
            """
            SELECT aliases.*,
                (SELECT state FROM versions AS v
                    WHERE v.model = aliases.model AND v.version = aliases.version) AS state,
                (SELECT state FROM versions AS v WHERE v.model = aliases.model
                    AND v.version = aliases.target_version) AS target_state
            FROM aliases ORDER BY model, name
            """
        )
    }

    /// The counters of all aliases that ever were.
    func checkedCounters() throws -> [CheckedRow] {
        try checkedRows("SELECT * FROM alias_counters ORDER BY model, name")
    }

    /// The moves of an alias, oldest first; `known` is whether the version asked for ever was.
    func eachCheckedMove(
        model: String,
        name: String,
        _ body: (CheckedRow) throws -> Void
    ) throws {
        let rows = try Row.fetchCursor(
            database,
            sql: """
                SELECT *, EXISTS (SELECT 1 FROM versions AS v WHERE v.model = m.model
                    AND v.version = m.to_version) AS known
                FROM alias_moves AS m WHERE model = ? AND name = ? ORDER BY generation
                """,
            arguments: [model, name]
        )
        while let row = try rows.next() { try body(MetadataTransaction.checked(row)) }
    }

    /// Histories that no counter belongs to.
    func strayMoves(limit: Int) throws -> [CheckedRow] {
        try checkedRows(
            """
            SELECT DISTINCT model, name FROM alias_moves
            WHERE (model, name) NOT IN (SELECT model, name FROM alias_counters) LIMIT ?
            """,
            [limit]
        )
    }

    /// Rows of events whose number no event has, since the first is 1.
    func eventsBeforeFirst(limit: Int) throws -> [CheckedRow] {
        try checkedRows(
            "SELECT sequence FROM audit WHERE sequence < 1 ORDER BY sequence LIMIT ?",
            [limit]
        )
    }

    /// Events after a sequence, in order.
    func checkedEvents(after sequence: Int64, limit: Int) throws -> [CheckedRow] {
        try checkedRows(
            "SELECT * FROM audit WHERE sequence > ? ORDER BY sequence LIMIT ?",
            [sequence, limit]
        )
    }

    /// The newest event; `nil` before the first.
    func newestCheckedEvent() throws -> CheckedRow? {
        try checkedRow("SELECT * FROM audit ORDER BY sequence DESC LIMIT 1")
    }

    /// The ids of open uploads.
    func openUploadIDs() throws -> [String] {
        try checkedRows("SELECT id FROM uploads WHERE version IS NULL ORDER BY id")
            .map { try $0.text("id") }
    }

    /// An open upload's row; `nil` if there is none.
    func checkedUpload(id: String) throws -> CheckedRow? {
        try checkedRow("SELECT * FROM uploads WHERE id = ? AND version IS NULL", [id])
    }

    /// The finished files of an upload.
    func checkedUploadFiles(id: String) throws -> [CheckedRow] {
        try checkedRows("SELECT * FROM upload_files WHERE upload_id = ? ORDER BY file_index", [id])
    }

    /// The first row that a query answers.
    func checkedRow(
        _ sql: String,
        _ arguments: [(any DatabaseValueConvertible)?] = []
    ) throws -> CheckedRow? {
        try checkedRows(sql, arguments).first
    }

    /// All rows that a query answers.
    func checkedRows(
        _ sql: String,
        _ arguments: [(any DatabaseValueConvertible)?] = []
    ) throws -> [CheckedRow] {
        try Row.fetchAll(database, sql: sql, arguments: StatementArguments(arguments))
            .map(MetadataTransaction.checked)
    }

    static func checked(_ row: Row) -> CheckedRow {
        var values: [String: CheckedRow.Value] = [:]
        for (column, value) in row {
            switch value.storage {
            case .int64(let number): values[column] = .integer(number)
            case .string(let text): values[column] = .text(text)
            case .null: values[column] = .null
            case .double, .blob: values[column] = .other
            }
        }
        return CheckedRow(values: values)
    }
}
