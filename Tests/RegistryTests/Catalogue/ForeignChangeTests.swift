import Foundation
import GRDB
import Testing

@testable import Registry

/// Somebody who can write the database, and holds no key, changes rows while the registry is open.
@Suite("Changes of others while a registry is open")
struct ForeignChangeTests {
    /// A change of others, and the row that the refusal names.
    struct Foreign: Sendable, CustomTestStringConvertible {
        let sql: String
        let table: String
        let key: String

        init(_ sql: String, _ table: String, _ key: String) {
            (self.sql, self.table, self.key) = (sql, table, key)
        }

        var testDescription: String { sql }
        var message: String { "the registry was changed by others: \(table), \(key)" }
    }

    private static let live = "WHERE model = 'sentiment' AND name = 'live'"

    /// Every column of every row that a head covers or that follows from the log; rows gone, and
    /// rows more.
    static let changes =
        [
            Foreign("UPDATE aliases SET version = 1 \(live)", "aliases", "sentiment/live"),
            Foreign("UPDATE aliases SET version = -1 \(live)", "aliases", "sentiment/live"),
            Foreign("UPDATE aliases SET target_version = 1 \(live)", "aliases", "sentiment/live"),
            Foreign("UPDATE aliases SET generation = 9 \(live)", "aliases", "sentiment/live"),
            Foreign("UPDATE aliases SET failure = 'x' \(live)", "aliases", "sentiment/live"),
            Foreign("UPDATE aliases SET changed_unix_ms = 1 \(live)", "aliases", "sentiment/live"),
            Foreign(
                "UPDATE aliases SET changed_by = 'cert:eve' \(live)",
                "aliases",
                "sentiment/live"
            ),
            Foreign("UPDATE aliases SET name = 'lived' \(live)", "aliases", "sentiment/lived"),
            Foreign("DELETE FROM aliases \(live)", "aliases", "sentiment/live"),
            Foreign(
                "INSERT INTO aliases VALUES ('other', 'eve', 1, 1, 1, '', 0, 'cert:eve')",
                "aliases",
                "other/eve"
            ),
            Foreign(
                "UPDATE alias_counters SET generation = 9 \(live)",
                "alias_counters",
                "sentiment/live"
            ),
            Foreign(
                "UPDATE alias_counters SET deleted_generation = 2 \(live)",
                "alias_counters",
                "sentiment/live"
            ),
            Foreign("DELETE FROM alias_counters \(live)", "alias_counters", "sentiment/live"),
            Foreign(
                "INSERT INTO alias_counters VALUES ('other', 'eve', 1, 0)",
                "alias_counters",
                "other/eve"
            ),
            Foreign("DELETE FROM alias_moves \(live)", "alias_moves", "sentiment/live"),
            Foreign(
                "DELETE FROM alias_moves \(live) AND generation = 1",
                "alias_moves",
                "sentiment/live"
            ),
            Foreign(
                """
                INSERT INTO alias_moves (model, name, generation, is_rollback, from_version, to_version,
                    principal, reason, asked_unix_ms, served_unix_ms, outcome)
                VALUES ('sentiment', 'live', 0, 0, 0, 3, 'cert:ann', '', 1, 1, 'served')
                """,
                "alias_moves",
                "sentiment/live"
            ),
            Foreign("UPDATE models SET newest = 9 WHERE name = 'sentiment'", "models", "sentiment"),
            Foreign("INSERT INTO models VALUES ('zeta', 1)", "models", "zeta"),
            version("state = 'rejected'"), version("state = 'deleted'"), version("reason = 'x'"),
            version("record = record || ' '"), version("record_sha256 = substr(record_sha256, 2)"),
            version("signature = \(firstDigitFlipped("signature"))"),
            version("bundle_id = \(firstDigitFlipped("bundle_id"))"),
            version("created_by = 'cert:eve'"), version("created_unix_ms = 1"),
            version("metadata = '{\"a\":\"b\"}'"), version("version = 9", key: "sentiment/9"),
            Foreign(
                "DELETE FROM versions WHERE model = 'sentiment' AND version = 3",
                "versions",
                "sentiment/3"
            ),
            Foreign(
                """
                INSERT INTO versions SELECT model, 5, 'stored', '', created_unix_ms, created_by, bytes,
                    'ff', record_sha256, metadata, signature, sealed_card, record
                FROM versions WHERE model = 'sentiment' AND version = 3
                """,
                "versions",
                "sentiment/5"
            ),
            event("detail = detail || 'x'"), event("principal = 'cert:eve'"), event("unix_ms = 1"),
            event("hash = \(firstDigitFlipped("hash"))"), event("previous_hash = hash"),
            event("action = 'init'"), event("model = 'x'"), event("version = 7"),
            Foreign("DELETE FROM audit WHERE sequence = \(newest)", "audit", "EVENT"),
            Foreign(
                "INSERT INTO audit SELECT 99, unix_ms, principal, action, model, version, detail, hash, "
                    + "hash FROM audit WHERE sequence = 1",
                "audit",
                "99"
            ),
            Foreign("UPDATE catalogue SET sequence = sequence - 1", "catalogue", "1"),
            Foreign("UPDATE catalogue SET record_sha256 = substr(head, 1, 64)", "catalogue", "1"),
            Foreign(
                "UPDATE catalogue SET signature = \(firstDigitFlipped("signature"))",
                "catalogue",
                "1"
            ),
            Foreign("DELETE FROM catalogue", "catalogue", "1"),
        ]
        + [
            "is_rollback = 1", "from_version = 3", "to_version = 3", "principal = 'cert:eve'",
            "reason = 'x'", "asked_unix_ms = 1", "served_unix_ms = 1", "outcome = 'rejected'",
            "allow_signature_change = 1", "force = 1",
        ].flatMap { column in
            // One that is no more than history, and the newest.
            [1, 2].map {
                Foreign(
                    "UPDATE alias_moves SET \(column) \(live) AND generation = \($0)",
                    "alias_moves",
                    "sentiment/live"
                )
            }
        }

    private static let newest = "(SELECT MAX(sequence) FROM audit)"

    private static func version(_ change: String, key: String = "sentiment/3") -> Foreign {
        Foreign(
            "UPDATE versions SET \(change) WHERE model = 'sentiment' AND version = 3",
            "versions",
            key
        )
    }

    private static func event(_ change: String) -> Foreign {
        Foreign("UPDATE audit SET \(change) WHERE sequence = \(newest)", "audit", "EVENT")
    }

    /// Three versions of one model, an alias with two moves, and another model.
    private static func populated() throws -> (TestHome, Registry) {
        let home = try TestHome()
        let registry = try home.open()
        _ = try registry.publishSmall(alias: "live", serve: true)
        _ = try registry.publishSmall(alias: "live", serve: true)
        _ = try registry.publishSmall()
        _ = try registry.publishSmall("other", alias: "live", serve: true)
        return (home, registry)
    }

    private static func refusal(_ body: () throws -> Void) -> RegistryError? {
        do {
            try body()
            return nil
        } catch {
            return error as? RegistryError
        }
    }

    private static func query(_ home: TestHome, _ sql: String) throws -> String? {
        let queue = try DatabaseQueue(path: home.layout.databasePathForTests)
        defer { try? queue.close() }
        return try queue.read { try String.fetchOne($0, sql: sql) }
    }

    @Test("any change is refused, names the row, and signs nothing", arguments: changes)
    func refused(foreign: Foreign) throws {
        let (home, registry) = try Self.populated()
        let key =
            foreign.key == "EVENT"
            ? try #require(try Self.query(home, "SELECT MAX(sequence) FROM audit")) : foreign.key
        try home.sql(foreign.sql, checksReferences: false)
        let head = try Self.query(home, "SELECT group_concat(head || signature) FROM catalogue")
        let message = "the registry was changed by others: \(foreign.table), \(key)"
        let changes: [() throws -> Void] = [
            {
                _ = try registry.setAlias(
                    model: "other",
                    alias: "next",
                    version: 1,
                    principal: "cert:ann"
                )
            },
            { _ = try registry.publishSmall() },
            { try registry.reject(model: "sentiment", version: 3, reason: "no") },
            { try registry.deleteVersion(model: "sentiment", version: 3, principal: "cert:ann") },
            { _ = try registry.rollback(model: "sentiment", alias: "live", principal: "cert:ann") },
            {
                try registry.deleteAlias(model: "sentiment", alias: "live", principal: "cert:ann")
            },
        ]
        #expect(registry.fault == nil)
        for change in changes {
            let error = Self.refusal(change)
            #expect(error?.code == .dataLoss)
            #expect(error?.message == message)
        }
        #expect(registry.fault?.table == foreign.table)
        #expect(registry.fault?.key == key)
        #expect(
            try Self.query(home, "SELECT group_concat(head || signature) FROM catalogue") == head
        )
        // The server answers with the catalogue that was signed.
        #expect(
            try registry.allAliases().map { "\($0.model)/\($0.alias.name) \($0.alias.version)" }
                == ["other/live 1", "sentiment/live 2"]
        )
        #expect(try registry.open(model: "other", version: 1).info.version == 1)
    }

    @Test("a row that was put right is accepted by the next start", arguments: [true, false])
    func restart(isPutRight: Bool) throws {
        let (home, registry) = try Self.populated()
        try home.sql("UPDATE alias_moves SET to_version = 3 WHERE generation = 1 AND name = 'live'")
        #expect(Self.refusal { _ = try registry.publishSmall() }?.code == .dataLoss)
        if isPutRight {
            try home.sql(
                "UPDATE alias_moves SET to_version = 1 WHERE generation = 1 AND name = 'live'"
            )
        }
        // The fault stays, also where the row was put right since.
        #expect(Self.refusal { _ = try registry.publishSmall() }?.code == .dataLoss)
        let again = try home.copy()
        guard isPutRight else {
            let refusal = Self.refusal { _ = try again.open() }
            #expect(refusal?.code == .unavailable)
            let message = "the registry was changed by others: alias_moves, other/live"
            #expect(refusal?.message == message)
            return
        }
        let opened = try again.open()
        #expect(opened.fault == nil)
        let moved = try opened.rollback(model: "sentiment", alias: "live", principal: "cert:ann")
        #expect(moved.alias.targetVersion == 1)
    }

    @Test("an older head with a signature that holds is no head of now")
    func olderHead() throws {
        let (home, registry) = try Self.populated()
        let old = try #require(
            try Self.query(
                home,
                "SELECT 'head = ''' || head || ''', signature = ''' || signature || ''', sequence = '"
                    + " || sequence || ', record_sha256 = ''' || record_sha256 || '''' FROM catalogue"
            )
        )
        _ = try registry.setAlias(
            model: "sentiment",
            alias: "live",
            version: 1,
            principal: "cert:ann"
        )
        try home.sql("UPDATE catalogue SET \(old)")
        let error = Self.refusal { _ = try registry.publishSmall() }
        #expect(error?.message == "the registry was changed by others: catalogue, 1")
    }

    @Test(
        "a trigger that is planted while a registry is open is named, and never runs",
        arguments: [
            (
                "AFTER INSERT ON audit",
                "UPDATE aliases SET version = 1, target_version = 1 WHERE model = 'sentiment'"
            ),
            (
                "AFTER UPDATE ON catalogue",
                "UPDATE aliases SET version = 1, target_version = 1 WHERE model = 'sentiment'"
            ),
            (
                "AFTER UPDATE ON catalogue",
                "UPDATE models SET newest = 9 WHERE name = 'sentiment'"
            ),
            ("AFTER INSERT ON aliases", "UPDATE alias_counters SET generation = 9"),
        ]
    )
    func trigger(event: String, action: String) throws {
        let (home, registry) = try Self.populated()
        try home.sql("CREATE TRIGGER eve \(event) BEGIN \(action); END")
        let head = try Self.query(home, "SELECT head FROM catalogue")
        let error = Self.refusal {
            _ = try registry.setAlias(
                model: "other",
                alias: "next",
                version: 1,
                principal: "cert:ann"
            )
        }
        #expect(error?.code == .dataLoss)
        #expect(
            error?.message
                == "the registry was changed by others: sqlite_schema, trigger 'eve' is not in "
                + "the schema of format 2"
        )
        #expect(try Self.query(home, "SELECT head FROM catalogue") == head)
        #expect(
            try Self.query(home, "SELECT version FROM aliases WHERE model = 'sentiment'") == "2"
        )
    }

    @Test(
        "a database file that is removed, replaced or cut while a registry is open is named",
        arguments: ["removed", "replaced", "cut"]
    )
    func file(what: String) throws {
        let (home, registry) = try Self.populated()
        _ = try registry.publishSmall()
        let path = home.layout.databasePathForTests
        let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        switch what {
        case "cut":
            let file = try #require(FileHandle(forWritingAtPath: path))
            try file.truncate(atOffset: 4096)
            try file.close()
        case "replaced":
            try bytes.write(to: URL(fileURLWithPath: path), options: .atomic)
        default: try FileManager.default.removeItem(atPath: path)
        }
        for _ in 1...2 {
            let error = Self.refusal { _ = try registry.publishSmall() }
            #expect(error?.code == .dataLoss)
            #expect(error?.message == "the registry was changed by others: file, registry.sqlite")
        }
        #expect(registry.fault != nil)
    }

    @Test("a rollback journal beside the database is refused, and nothing that it names is removed")
    func journal() throws {
        let (home, registry) = try Self.populated()
        let path = home.layout.databasePathForTests + "-journal"
        withExtendedLifetime(registry) {}
        try Data([1, 2, 3]).write(to: URL(fileURLWithPath: path))
        let copy = try home.copy()
        let error = Self.refusal { _ = try copy.open() }
        #expect(error?.code == .unavailable)
        #expect(error?.message.contains("rollback journal") == true)
        #expect(try copy.verify().faults.contains("database"))
    }

    @Test("a link in the place of an upload's folder is removed alone")
    func link() throws {
        let home = try TestHome()
        let manager = FileManager.default
        let uploads = home.path + "/store/uploads"
        try manager.createDirectory(atPath: uploads, withIntermediateDirectories: true)
        let link = uploads + "/" + String(repeating: "a", count: 32)
        try manager.createSymbolicLink(atPath: link, withDestinationPath: home.path + "/keys")
        let names = try manager.contentsOfDirectory(atPath: home.path + "/keys").sorted()
        _ = try home.open()
        #expect(try manager.contentsOfDirectory(atPath: home.path + "/keys").sorted() == names)
    }

    @Test("a lock that another program holds makes a change unavailable, and is no fault")
    func lock() throws {
        let (home, registry) = try Self.populated()
        let other = try DatabaseQueue(path: home.layout.databasePathForTests)
        try other.writeWithoutTransaction { database in
            try database.beginTransaction(.immediate)
            let error = Self.refusal { _ = try registry.publishSmall() }
            #expect(error?.code == .unavailable)
            #expect(error?.message == "another program holds the lock of the registry's database")
            #expect(try registry.open(model: "other", version: 1).info.version == 1)
            try database.rollback()
        }
        _ = try registry.publishSmall()
        #expect(registry.fault == nil)
    }

    @Test("a write of others that changes no row is no fault")
    func harmless() throws {
        let (home, registry) = try Self.populated()
        try home.sql("UPDATE aliases SET version = version")
        _ = try registry.publishSmall()
        #expect(registry.fault == nil)
    }

    @Test("a row of which only this process's own page cache knows is compared, too")
    func withoutCount() throws {
        // The comparison of the rows that a change reads and that the head covers does not count
        // on SQLite's count of commits.
        let (home, registry) = try Self.populated()
        try registry.metadata.write { transaction in
            try transaction.database.execute(
                sql: "UPDATE aliases SET version = 1, target_version = 1 WHERE model = 'sentiment'"
            )
        }
        let error = Self.refusal { _ = try registry.publishSmall("other") }
        #expect(error?.message == "the registry was changed by others: aliases, sentiment/live")
        withExtendedLifetime(home) {}
    }
}
