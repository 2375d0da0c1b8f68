internal import GRDB
internal import Sealing

extension MetadataStore {
    /// Makes a new database of all rows of another, whose indexes are made anew. For indexes that
    /// are too damaged for ``reindex()``; a row that cannot be read, or that breaks a constraint,
    /// fails it.
    ///
    /// - Parameters:
    ///   - path: Of the database, which is not changed.
    ///   - new: Where the new one is to be; what is there is replaced.
    ///   - format: Of both.
    static func copy(_ path: String, to new: String, _ format: DatabaseFormat) throws {
        let parts = ["", "-wal", "-shm"]
        for part in parts { try StoreFolder.system.remove(new + part) }
        // As for a database that is created: the mode is this file's.
        let file = try StoreFile(creating: new, SystemCalls())
        try file.close()
        let store = try MetadataStore(creating: new, format)
        do {
            try store.insertAll(from: path)
            guard try store.checkpoint() else {
                throw RegistryError(.internalFailure, "the new database is in use", detail: new)
            }
            try store.close()
        } catch {
            try? store.close()
            for part in parts { try? StoreFolder.system.remove(new + part) }
            throw error
        }
        let copy = try StoreFile(writing: new, SystemCalls())
        try copy.sync()
        try copy.close()
    }

    private func insertAll(from path: String) throws {
        try withoutTransaction { database in
            try database.execute(sql: "PRAGMA foreign_keys = OFF")
            try database.execute(sql: "ATTACH ? AS damaged", arguments: [path])
            try database.inTransaction(.immediate) {
                let tables = try String.fetchAll(
                    database,
                    sql: """
                        SELECT name FROM main.sqlite_schema
                        WHERE type = 'table' AND name NOT LIKE 'sqlite~_%' ESCAPE '~'
                        """
                )
                for table in tables {
                    let name = table.quotedDatabaseIdentifier
                    try database.execute(sql: "DELETE FROM main.\(name)")
                    // In the order of the table itself: without it SQLite copies the indexes too.
                    try database.execute(
                        sql: """
                            INSERT INTO main.\(name)
                            SELECT * FROM damaged.\(name) NOT INDEXED ORDER BY rowid
                            """
                    )
                }
                return .commit
            }
            try database.execute(sql: "DETACH damaged")
            try database.execute(sql: "PRAGMA foreign_keys = ON")
        }
    }
}
