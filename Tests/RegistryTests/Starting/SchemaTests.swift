import Foundation
import GRDB
import Sealing
import Testing
import Text

@testable import Registry

/// A change to the schema of a database, by somebody who can write the file and has no key.
struct PlantedSchema: Sendable, CustomTestStringConvertible {
    let statement: String
    /// The words of the report that name the object.
    let named: String

    init(_ statement: String, _ named: String) {
        (self.statement, self.named) = (statement, named)
    }

    var testDescription: String { named }

    /// A change to the text of statements, past SQLite's own DDL.
    private static func text(_ change: String) -> String {
        """
        PRAGMA writable_schema = ON;
        UPDATE sqlite_schema SET \(change);
        PRAGMA writable_schema = OFF
        """
    }

    static let all = [
        PlantedSchema(
            """
            CREATE TRIGGER planted AFTER INSERT ON audit BEGIN
                UPDATE aliases SET version = 1, target_version = 1;
            END
            """,
            "trigger 'planted' is not in the schema"
        ),
        PlantedSchema(
            "CREATE TRIGGER planted BEFORE DELETE ON uploads BEGIN SELECT RAISE(IGNORE); END",
            "trigger 'planted' is not in the schema"
        ),
        PlantedSchema(
            "CREATE VIEW seen AS SELECT * FROM audit",
            "view 'seen' is not in the schema"
        ),
        PlantedSchema("CREATE TABLE extra (x)", "table 'extra' is not in the schema"),
        PlantedSchema(
            "CREATE TABLE \"two\nlines\" (x)",
            "table 'two\\nlines' is not in the schema"
        ),
        PlantedSchema(
            "CREATE INDEX extra ON audit (principal)",
            "index 'extra' is not in the schema"
        ),
        PlantedSchema(
            "CREATE UNIQUE INDEX extra ON audit (sequence) WHERE sequence > 5",
            "index 'extra' is not in the schema"
        ),
        PlantedSchema("ANALYZE", "table 'sqlite_stat1' is not in the schema"),
        PlantedSchema(
            "CREATE TABLE counted (x INTEGER PRIMARY KEY AUTOINCREMENT); DROP TABLE counted",
            "table 'sqlite_sequence' is not in the schema"
        ),
        PlantedSchema("DROP INDEX audit_by_model", "index 'audit_by_model' is missing"),
        PlantedSchema("DROP TABLE alias_counters", "table 'alias_counters' is missing"),
        PlantedSchema(
            "DROP INDEX audit_by_model; CREATE INDEX audit_by_model ON audit (sequence)",
            "index 'audit_by_model' differs from its statement"
        ),
        PlantedSchema(
            "ALTER TABLE alias_counters RENAME TO counters",
            "table 'counters' is not in the schema"
        ),
        PlantedSchema(
            "ALTER TABLE audit RENAME COLUMN detail TO details",
            "table 'audit' differs from its statement"
        ),
        PlantedSchema(
            "ALTER TABLE audit ADD COLUMN extra TEXT",
            "table 'audit' differs from its statement"
        ),
        PlantedSchema(
            text("sql = replace(sql, 'DEFAULT 0', 'DEFAULT 1') WHERE name = 'alias_moves'"),
            "table 'alias_moves' differs from its statement"
        ),
        PlantedSchema(
            text("sql = replace(sql, 'newest INTEGER NOT NULL', 'newest INTEGER') WHERE 1"),
            "table 'models' differs from its statement"
        ),
        PlantedSchema(
            text("sql = replace(sql, ') STRICT', ')') WHERE name = 'versions'"),
            "table 'versions' differs from its statement"
        ),
        PlantedSchema(
            text("sql = replace(sql, 'UNIQUE INDEX', 'INDEX') WHERE name = 'uploads_by_key'"),
            "index 'uploads_by_key' differs from its statement"
        ),
    ]
}

/// The schema of a database has to be its format's, wherever the database is opened.
@Suite("Schema of the database")
struct SchemaTests {
    private func populated() throws -> TestHome {
        let home = try TestHome()
        _ = try home.open().publishSmall(alias: "live", serve: true)
        return home
    }

    /// The faults of the schema, as a finding says them.
    private func faults(_ verified: Verified) -> [String] {
        verified.findings.filter { $0.kind == .fault && $0.place == "database: schema" }
            .map(\.description)
    }

    @Test(
        "an object that differs is named at the start and by verify",
        arguments: PlantedSchema.all
    )
    func atRest(planted: PlantedSchema) throws {
        let home = try populated()
        try home.backUp()
        try home.sql(planted.statement, checksReferences: false)
        #expect(refusal { try home.open() } == .unavailable)
        let refused = message { try home.open() }
        #expect(refused.contains(planted.named), "\(refused)")
        #expect(!refused.contains("\n"))
        for withKeys in [true, false] {
            let found = faults(try home.verify(withKeys: withKeys))
            #expect(found.contains { $0.contains(planted.named) }, "\(found)")
        }
        #expect(home.verifyAudit().faults.contains("database: schema"))
        // VACUUM INTO leaves out a counter that no table uses: the backup is whole.
        if planted.named.contains("sqlite_sequence") {
            try home.backUp()
        } else {
            #expect(message { try home.backUp() }.contains(planted.named))
        }
        #expect(message { try home.accept() }.contains(planted.named))
        // The backup from before is whole.
        try home.restore()
        #expect(try home.verify().faults == [])
    }

    @Test("a backup with another schema is not restored", arguments: PlantedSchema.all)
    func inBackup(planted: PlantedSchema) throws {
        let home = try populated()
        try home.backUp()
        try home.plant(planted, inBackup: home.backupPath)
        #expect(message { try home.restore() }.contains(planted.named))
        #expect(try home.verify().faults == [])
        _ = try home.open()
    }

    @Test("while a registry is open, its next transaction names it", arguments: PlantedSchema.all)
    func whileServing(planted: PlantedSchema) throws {
        let home = try populated()
        let registry = try home.open()
        for _ in 1...2 {
            #expect(try registry.metadata.write { try $0.schemaDifference() } == nil)
        }
        try home.sql(planted.statement, checksReferences: false)
        for _ in 1...2 {
            let found = try registry.metadata.write { try $0.schemaDifference() } ?? "none"
            #expect(found.contains(planted.named), "\(found)")
        }
    }

    @Test("a trigger that is planted while a registry is open, by changing bytes, never runs")
    func unchangedCookie() throws {
        let home = try populated()
        do {
            let registry = try home.open()
            #expect(try registry.metadata.write { try $0.schemaDifference() } == nil)
            let cookie = try #require(try home.count("PRAGMA schema_version"))
            try home.sql(
                """
                CREATE TRIGGER planted AFTER INSERT ON audit BEGIN
                    UPDATE models SET newest = 7;
                END;
                PRAGMA schema_version = \(cookie)
                """
            )
            #expect(try home.count("PRAGMA schema_version") == cookie)
            #expect(
                try registry.metadata.write { transaction in
                    try transaction.database.execute(
                        sql: "INSERT INTO audit VALUES (99, 0, '', '', '', 0, '', '', '')"
                    )
                    return try transaction.schemaDifference()
                }?.contains("trigger 'planted'") == true
            )
            #expect(try home.count("SELECT newest FROM models") == 1)
        }
        #expect(message { try home.open() }.contains("trigger 'planted'"))
    }

    @Test("the statements in the document are those of the format, white space aside")
    func document() throws {
        let path = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../../docs/REGISTRY-FORMAT.md")
        let text = try String(contentsOf: path, encoding: .utf8)
        let block = try #require(text.components(separatedBy: "```sql\n").dropFirst().first)
        let sql = try #require(block.components(separatedBy: "```").first)
        func words(_ statements: [String]) -> [[Substring]] {
            statements.map { $0.split(whereSeparator: \.isWhitespace) }.filter { !$0.isEmpty }
        }
        #expect(words(sql.components(separatedBy: ";")) == words(Schema.statements))
    }
}

extension TestHome {
    /// Plants a schema in a backup, and makes its manifest, which is not signed, agree.
    func plant(_ planted: PlantedSchema, inBackup folder: String) throws {
        let path = folder + "/store/registry.sqlite"
        var configuration = Configuration()
        configuration.foreignKeysEnabled = false
        let queue = try DatabaseQueue(path: path, configuration: configuration)
        try queue.write { try $0.execute(sql: planted.statement) }
        try queue.close()
        let data = [UInt8](try Data(contentsOf: URL(filePath: path)))
        let manifest = URL(filePath: folder + "/backup.json")
        let text = try String(contentsOf: manifest, encoding: .utf8)
            .replacing(#/"database_bytes":\d+/#, with: "\"database_bytes\":\(data.count)")
            .replacing(
                #/"database_sha256":"[0-9a-f]+"/#,
                with: "\"database_sha256\":\"\(Hex.encode(Digest.sha256(data)))\""
            )
        try text.write(to: manifest, atomically: false, encoding: .utf8)
    }
}
