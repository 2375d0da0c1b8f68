internal import GRDB

extension MetadataTransaction {
    /// Removes what only the server can finish that began it: open uploads, with their keys.
    func deleteOpenUploads() throws {
        try database.execute(
            sql: """
                DELETE FROM wrapped_keys WHERE bundle_id IN
                    (SELECT bundle_id FROM uploads WHERE version IS NULL)
                    AND bundle_id NOT IN (SELECT bundle_id FROM versions)
                """
        )
        try database.execute(sql: "DELETE FROM uploads WHERE version IS NULL")
    }

    /// All that is stored of each version whose blobs have to stay, one after another, by model and
    /// number. One that is said to be deleted and still has its key is kept: no deletion leaves
    /// that, so the word is not to be trusted.
    func eachKeptVersion(_ body: (StoredVersion) throws -> Void) throws {
        try models(after: "") { model in
            try eachRow(
                of: "versions",
                """
                SELECT version FROM versions WHERE model = ? AND (state <> 'deleted'
                    OR bundle_id IN (SELECT bundle_id FROM wrapped_keys))
                ORDER BY version
                """,
                [model]
            ) { row in
                let stored = try version(model: model, version: try row.unsigned("version"))
                if let stored { try body(stored) }
                return true
            }
            return true
        }
    }
}
