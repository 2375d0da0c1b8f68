import GRDB
import Testing

@testable import Registry

@Suite("Database settings")
struct SettingsTests {
    @Test("every commit is synced, and nothing in the file is trusted")
    func pragmas() throws {
        let home = try TestHome()
        let store = try MetadataStore.open(home.layout, fault: StorageFault())
        func values(_ database: Database) throws -> [String: String] {
            var values: [String: String] = [:]
            for name in [
                "journal_mode", "foreign_keys", "trusted_schema", "cell_size_check",
                "secure_delete", "synchronous",
            ] {
                values[name] = try String.fetchOne(database, sql: "PRAGMA \(name)")
            }
            return values
        }
        let expected = [
            "journal_mode": "wal", "foreign_keys": "1", "trusted_schema": "0",
            "cell_size_check": "1", "secure_delete": "1", "synchronous": "2",
        ]
        #expect(try store.write { try values($0.database) } == expected)
        var read = try store.read { try values($0.database) }
        // A reader commits nothing.
        read["synchronous"] = "2"
        #expect(read == expected)
    }

    @Test("every connection is in defensive mode, without triggers and views")
    func hardened() throws {
        let home = try TestHome()
        let store = try MetadataStore.open(home.layout, fault: StorageFault())
        let reading = try MetadataStore.openForReading(home.layout.databasePath)
        let repairing = try MetadataStore.openForRepair(home.layout.databasePath)
        func check(_ database: Database) {
            #expect(throws: DatabaseError.self) {
                try database.execute(
                    sql: """
                        PRAGMA writable_schema = ON;
                        UPDATE sqlite_schema SET sql = 'x' WHERE name = 'audit';
                        """
                )
            }
        }
        try store.write { check($0.database) }
        try repairing.write { check($0.database) }
        try reading.reader.read { check($0) }
        try store.write { transaction in
            let database = transaction.database
            try database.execute(
                sql: """
                    CREATE VIEW seen AS SELECT 1;
                    CREATE TRIGGER planted AFTER INSERT ON models BEGIN
                        DELETE FROM models;
                    END;
                    INSERT INTO models VALUES ('m', 1);
                    """
            )
            #expect(try Int.fetchOne(database, sql: "SELECT COUNT(*) FROM models") == 1)
            #expect(throws: DatabaseError.self) {
                try Int.fetchOne(database, sql: "SELECT * FROM seen")
            }
        }
    }

    @Test("after a failure of the storage nothing is written any more")
    func fault() throws {
        let home = try TestHome()
        let registry = try home.open()
        _ = try registry.publishSmall()
        registry.storageFault.set("cannot sync")
        #expect(registry.storageFailure == "cannot sync")
        #expect(refusal { try registry.publishSmall() } == .internalFailure)
        #expect(
            refusal {
                try registry.setAlias(
                    model: "sentiment",
                    alias: "live",
                    version: 1,
                    principal: "cert:ann"
                )
            } == .internalFailure
        )
        #expect(try registry.open(model: "sentiment", version: 1).files.count == 2)
    }
}
