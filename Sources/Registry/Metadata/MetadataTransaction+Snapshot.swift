internal import GRDB

extension MetadataTransaction {
    /// Removes what only the server can finish that began it: open uploads, with their keys.
    func deleteOpenUploads() throws {
        try database.execute(
            sql: """
                DELETE FROM wrapped_keys WHERE bundle_id IN
                    (SELECT bundle_id FROM uploads WHERE version IS NULL)
                """
        )
        try database.execute(sql: "DELETE FROM uploads WHERE version IS NULL")
    }

    /// All that is stored of each version that is not deleted, one after another, by model and
    /// number.
    func eachKeptVersion(_ body: (StoredVersion) throws -> Void) throws {
        try models(after: "") { model in
            let numbers = try Int64.fetchCursor(
                database,
                sql: """
                    SELECT version FROM versions WHERE model = ? AND state <> 'deleted'
                    ORDER BY version
                    """,
                arguments: [model]
            )
            while let number = try numbers.next() {
                let stored = try version(model: model, version: UInt64(bitPattern: number))
                if let stored { try body(stored) }
            }
            return true
        }
    }
}
