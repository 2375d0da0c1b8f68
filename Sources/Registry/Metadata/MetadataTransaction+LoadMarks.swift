internal import GRDB

extension MetadataTransaction {
    /// Notes that a load of a version begins, and answers how many had begun and not ended.
    func beginLoad(model: String, version: UInt64) throws -> Int {
        let begun = try Int.fetchOne(
            database,
            sql: "SELECT begun FROM load_marks WHERE model = ? AND version = ?",
            arguments: [model, version.column]
        )
        try database.execute(
            sql: """
                INSERT INTO load_marks VALUES (?, ?, 1)
                ON CONFLICT (model, version) DO UPDATE SET begun = begun + 1
                """,
            arguments: [model, version.column]
        )
        return begun ?? 0
    }

    /// Forgets the loads of a version that had begun.
    func endLoad(model: String, version: UInt64) throws {
        try database.execute(
            sql: "DELETE FROM load_marks WHERE model = ? AND version = ?",
            arguments: [model, version.column]
        )
    }
}
