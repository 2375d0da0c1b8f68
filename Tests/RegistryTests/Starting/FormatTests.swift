import Foundation
import GRDB
import Testing

@testable import Registry

/// Homes of the former format of the database, which the first start brings to the present one.
@Suite("Formats of the database")
struct FormatTests {
    /// A closed home as the former release leaves it, with a move that is pending.
    static func former() throws -> TestHome {
        let home = try HistoryVerifyTests.populated(withOverrides: false)
        try home.setFormerFormat()
        return home
    }

    private func pending(_ registry: Registry) throws -> PendingMove? {
        try registry.pendingMove(model: "sentiment", alias: "next", generation: 1)
    }

    @Test("a former home is whole before its first start and after it, and its moves go on")
    func migrates() throws {
        let home = try Self.former()
        for withKeys in [true, false] { #expect(try home.verify(withKeys: withKeys).faults == []) }
        do {
            let registry = try home.open()
            #expect(
                try pending(registry) == PendingMove(isRollback: false, overrides: MoveOverrides())
            )
            #expect(
                try registry.settle(
                    model: "sentiment",
                    alias: "next",
                    generation: 1,
                    outcome: .served
                )
            )
            let change = try registry.setAlias(
                model: "sentiment",
                alias: "next",
                version: 1,
                overrides: MoveOverrides(isForced: true),
                principal: "cert:ann"
            )
            #expect(change.alias.generation == 2)
        }
        #expect(try home.verify().faults == [])
        #expect(try home.migrations() == ["1", "2"])
    }

    @Test("opening a former home twice changes it once, and a new one has the present format")
    func once() throws {
        let home = try Self.former()
        for _ in 1...2 { _ = try home.open() }
        #expect(try home.migrations() == ["1", "2"])
        let new = try TestHome()
        #expect(try new.migrations() == ["1", "2"])
        #expect(try new.statement(of: "alias_moves") == home.statement(of: "alias_moves"))
    }

    @Test("a home of a later format is refused")
    func later() throws {
        let home = try TestHome()
        try home.sql("INSERT INTO grdb_migrations VALUES ('3')")
        #expect(refusal { try home.open() } == .unavailable)
        #expect(message { try home.open() }.contains("newer server"))
        #expect(try home.verify().faults.contains("database"))
    }

    @Test("a format of which a step is not noted is named")
    func gap() throws {
        let home = try TestHome()
        try home.sql("DELETE FROM grdb_migrations WHERE identifier = '1'")
        #expect(try home.verify().faults == ["database: format"])
    }

    @Test("a former home is backed up as it is, and its backup is restored")
    func backup() throws {
        let home = try Self.former()
        try home.backUp()
        _ = try home.restore()
        #expect(try home.verify().faults == [])
        #expect(try pending(try home.open()) != nil)
        #expect(try home.verify().faults == [])
        #expect(try home.migrations() == ["1", "2"])
    }

    @Test("a former home is repaired")
    func repair() throws {
        let home = try Self.former()
        try Data([1]).write(to: URL(fileURLWithPath: home.path + "/store/blobs/note.txt"))
        let repaired = try home.repair()
        #expect(repaired.summary.repairs == 1 && repaired.summary.faultsLeft == 0)
        #expect(try pending(try home.open()) != nil)
    }

    @Test("the history of a former home is compared without the columns that it lacks")
    func verifiesFormer() throws {
        let home = try Self.former()
        try home.sql("UPDATE alias_moves SET reason = 'x' WHERE name = 'next'")
        #expect(
            try home.verify(withKeys: false).faults == [
                "model 'sentiment', alias 'next': history, generation 1, column reason"
            ]
        )
    }
}

extension TestHome {
    /// Takes a closed home back to the former format.
    func setFormerFormat() throws {
        try sql(
            """
            ALTER TABLE alias_moves DROP COLUMN allow_signature_change;
            ALTER TABLE alias_moves DROP COLUMN force;
            DELETE FROM grdb_migrations WHERE identifier = '2';
            """
        )
    }

    /// The steps that led to the format.
    func migrations() throws -> [String] {
        try texts("SELECT identifier FROM grdb_migrations ORDER BY identifier")
    }

    /// The statement that made a table.
    func statement(of table: String) throws -> String {
        try texts("SELECT sql FROM sqlite_schema WHERE name = '\(table)'").joined()
    }

    private func texts(_ sql: String) throws -> [String] {
        let queue = try DatabaseQueue(path: layout.databasePathForTests)
        defer { try? queue.close() }
        return try queue.read { try String.fetchAll($0, sql: sql) }
    }
}
