import Foundation
import GRDB
import Sealing
import Testing
import Text

@testable import Registry

/// The layouts of the former format.
enum FormerLayout: String, CaseIterable {
    case earlier
    case later
}

/// Homes of the former format of the database, which the first start migrates.
@Suite("Formats of the database")
struct FormatTests {
    /// A closed home as a former release leaves it, with a move that is pending.
    static func former(_ layout: FormerLayout = .later) throws -> TestHome {
        let home = try HistoryVerifyTests.populated(withOverrides: false)
        try home.setFormerFormat(layout)
        return home
    }

    private func pending(_ registry: Registry) throws -> PendingMove? {
        try registry.pendingMove(model: "sentiment", alias: "next", generation: 1)
    }

    @Test(
        "a former home is whole before its first start and after it, and its moves go on",
        arguments: FormerLayout.allCases
    )
    func migrates(layout: FormerLayout) throws {
        let home = try Self.former(layout)
        for withKeys in [true, false] {
            let verified = try home.verify(withKeys: withKeys)
            #expect(verified.faults == [])
            #expect(verified.notes.contains { $0.contains("format: is the former one, 1") })
        }
        do {
            let registry = try home.open()
            #expect(registry.migration == Migration(from: 1, to: 2))
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
        let verified = try home.verify()
        #expect(verified.faults == [])
        #expect(!verified.notes.contains { $0.contains("format") })
        #expect(try home.migrations() == ["format-2"])
    }

    @Test("a former home is migrated once, and has the schema of a new one")
    func once() throws {
        let home = try Self.former()
        #expect(try home.open().migration != nil)
        #expect(try home.open().migration == nil)
        let new = try TestHome()
        #expect(try new.migrations() == ["format-2"])
        #expect(try new.open().migration == nil)
        for table in ["uploads", "upload_files", "alias_moves", "uploads_by_key"] {
            #expect(try new.statement(of: table) == home.statement(of: table))
        }
    }

    @Test("an open upload of a former home goes on where it was")
    func upload() throws {
        let home = try TestHome()
        var bundle = TestBundle(content: patterned(100), key: "key")
        bundle.metadata = ["a": "b"]
        let begun: BegunPublish
        do {
            let registry = try home.open()
            begun = try registry.beginPublish(bundle.request, principal: "cert:ann")
            try registry.chunk(begun.uploadID, 0, 0, bundle.files[0].content)
        }
        try home.setFormerFormat()
        #expect(try home.verify().faults == [])
        let registry = try home.open()
        #expect(try home.verify().faults == [])
        #expect(try registry.beginPublish(bundle.request, principal: "cert:ann") == begun)
        let status = try registry.uploadStatus(uploadID: begun.uploadID, principal: "cert:ann")
        #expect(status.nextOffsets == [UInt64(bundle.files[0].content.count), 0])
        try bundle.send(begun.uploadID, to: registry)
        _ = try registry.commit(uploadID: begun.uploadID, alias: nil, principal: "cert:ann")
        #expect(try home.verify().faults == [])
    }

    @Test(
        "an upload of a former home whose row does not agree is refused, and the rest is served",
        arguments: [
            "contents_sha256 = \(firstDigitFlipped("contents_sha256"))", "metadata = '{}'",
            "files = replace(files, 'model.onnx', 'model.onny')",
        ]
    )
    func altered(change: String) throws {
        let home = try TestHome()
        let bundle = TestBundle(model: "other", content: patterned(100), key: "key")
        var metadata = bundle
        metadata.metadata = ["a": "b"]
        let ids: [String]
        do {
            let registry = try home.open()
            _ = try registry.publishSmall(alias: "live", serve: true)
            let open = try registry.beginPublish(metadata.request, principal: "cert:ann").uploadID
            try metadata.send(open, to: registry)
            metadata.key = "made"
            let made = try registry.beginPublish(metadata.request, principal: "cert:ann").uploadID
            try metadata.send(made, to: registry)
            _ = try registry.commit(uploadID: made, alias: nil, principal: "cert:ann")
            ids = [open, made]
        }
        try home.setFormerFormat()
        try home.sql("UPDATE uploads SET \(change) WHERE model = 'other'")
        let registry = try home.open()
        #expect(try Set(#require(registry.migration).refusedUploads) == Set(ids))
        for id in ids {
            let commit = {
                try registry.commit(uploadID: id, alias: nil, principal: "cert:ann")
            }
            #expect(refusal(commit) == .dataLoss)
            #expect(message(commit).contains(id))
        }
        #expect(try registry.open(model: "sentiment", version: 1).files.count == 2)
        #expect(try home.count("SELECT COUNT(*) FROM versions") == 2)
    }

    @Test(
        "a former home with another schema is refused and not migrated",
        arguments: PlantedSchema.all.filter { !$0.named.contains("'alias_moves'") }
    )
    func planted(planted: PlantedSchema) throws {
        let home = try Self.former()
        try home.sql(planted.statement, checksReferences: false)
        #expect(refusal { try home.open() } == .unavailable)
        #expect(message { try home.open() }.contains(planted.named))
        #expect(try home.migrations() == ["1", "2"])
        for withKeys in [true, false] {
            let found = try home.verify(withKeys: withKeys).findings.map(\.description)
            #expect(found.contains { $0.contains(planted.named) }, "\(found)")
        }
    }

    @Test(
        "a home that was turned back into the former format is refused and named",
        arguments: FormerLayout.allCases
    )
    func turnedBack(layout: FormerLayout) throws {
        let home = try Self.former(layout)
        _ = try home.open()
        #expect(try home.formatSeen() == "2\n")
        try home.setFormerFormat(layout, isUnseen: false)
        let doubt = "the registry's database is of format 1, and format 2 was seen before"
        for _ in 1...2 {
            #expect(refusal { try home.open() } == .unavailable)
            #expect(message { try home.open() }.contains(doubt))
        }
        #expect(message { try home.accept() }.contains(doubt))
        #expect(try home.migrations() == (layout == .later ? ["1", "2"] : ["1"]))
        for withKeys in [true, false] {
            let found = try home.verify(withKeys: withKeys).findings.map(\.description)
            #expect(found.contains { $0.contains("file format: \(doubt)") }, "\(found)")
        }
    }

    @Test("the format seen is written by the next start where it is missing or lower")
    func seen() throws {
        let home = try TestHome()
        for text in [nil, "1\n", "2\n"] as [String?] {
            try? FileManager.default.removeItem(atPath: home.formatPath)
            try text?.write(toFile: home.formatPath, atomically: true, encoding: .utf8)
            for isOpened in [false, true] {
                if isOpened { _ = try home.open() }
                let verified = try home.verify()
                #expect(verified.faults == [])
                let isNoted = verified.notes.contains { $0.contains("the next start writes it") }
                #expect(isNoted == (!isOpened && text != "2\n"))
            }
            #expect(try home.formatSeen() == "2\n")
        }
    }

    @Test(
        "a format seen that is no number, or is a later one, is refused and named",
        arguments: ["", "x\n", "2", "-1\n", "02\n", "3\n", "18446744073709551616\n"]
    )
    func wrongSeen(text: String) throws {
        let home = try TestHome()
        _ = try home.open()
        try text.write(toFile: home.formatPath, atomically: true, encoding: .utf8)
        #expect(refusal { try home.open() } == .unavailable)
        #expect(message { try home.open() }.contains("format"))
        #expect(try home.verify().faults == ["file format"])
        #expect(try home.formatSeen() == text)
    }

    @Test("a home of a later format is refused")
    func later() throws {
        let home = try TestHome()
        try home.sql("INSERT INTO grdb_migrations VALUES ('format-3')")
        #expect(refusal { try home.open() } == .unavailable)
        #expect(message { try home.open() }.contains("newer server"))
        #expect(try home.verify().faults.contains("database"))
    }

    @Test(
        "rows that name no format are refused and named",
        arguments: [
            "DELETE FROM grdb_migrations", "INSERT INTO grdb_migrations VALUES ('1')",
            "UPDATE grdb_migrations SET identifier = '2'",
        ]
    )
    func gap(statement: String) throws {
        let home = try TestHome()
        try home.sql(statement)
        #expect(try home.verify().faults == ["database: format"])
        #expect(refusal { try home.open() } == .unavailable)
        #expect(message { try home.open() }.contains("names no format"))
    }

    @Test("a home that only says it is of the former format is refused", arguments: ["1", "2"])
    func renamed(last: String) throws {
        let home = try TestHome()
        try home.sql("DELETE FROM grdb_migrations; INSERT INTO grdb_migrations VALUES ('1')")
        if last == "2" { try home.sql("INSERT INTO grdb_migrations VALUES ('2')") }
        #expect(message { try home.open() }.contains("differs from its statement in format 1"))
    }

    @Test(
        "the backup of a former home is restored when it may be migrated, and not otherwise",
        arguments: FormerLayout.allCases
    )
    func backup(layout: FormerLayout) throws {
        let home = try Self.former(layout)
        try home.backUp()
        #expect(throws: RegistryRestore.FormerFormat.self) { try home.restore() }
        #expect(try home.migrations() == (layout == .later ? ["1", "2"] : ["1"]))
        let report = try home.restore(migrates: true)
        #expect(report.migration == Migration(from: 1, to: 2))
        #expect(try home.verify().faults == [])
        #expect(try pending(try home.open()) != nil)
        #expect(try home.verify().faults == [])
        #expect(try home.migrations() == ["format-2"])
    }

    @Test("a backup of the present format needs no migration")
    func presentBackup() throws {
        let home = try HistoryVerifyTests.populated()
        try home.backUp()
        #expect(try home.restore().migration == nil)
        #expect(try home.restore(migrates: true).migration == nil)
        #expect(try home.verify().faults == [])
    }

    @Test("a former home is repaired in its format")
    func repair() throws {
        let home = try Self.former()
        try Data([1]).write(to: URL(fileURLWithPath: home.path + "/store/blobs/note.txt"))
        let repaired = try home.repair()
        #expect(repaired.summary.repairs == 1 && repaired.summary.faultsLeft == 0)
        #expect(try home.migrations() == ["1", "2"])
        #expect(try pending(try home.open()) != nil)
    }

    @Test("the history of a former home is compared without the columns that it lacks")
    func verifiesFormer() throws {
        let home = try Self.former(.earlier)
        try home.sql("UPDATE alias_moves SET reason = 'x' WHERE name = 'next'")
        #expect(
            try home.verify(withKeys: false).faults == [
                "model 'sentiment', alias 'next': history, generation 1, column reason"
            ]
        )
    }
}

extension TestHome {
    /// Where the highest format that was seen is kept.
    var formatPath: String { path + "/keys/format" }

    func formatSeen() throws -> String { try String(contentsOfFile: formatPath, encoding: .utf8) }

    /// Takes a closed home back to the former format.
    func setFormerFormat(_ layout: FormerLayout = .later, isUnseen: Bool = true) throws {
        if isUnseen { try? FileManager.default.removeItem(atPath: formatPath) }
        let queue = try DatabaseQueue(path: self.layout.databasePathForTests)
        try queue.write { database in
            let tables = ["uploads", "upload_files", "alias_moves"]
            let ofTables = FormerSchema.statements.filter { statement in
                tables.contains { statement.hasPrefix("CREATE TABLE \($0) ") }
            }
            for table in tables {
                try database.execute(sql: "ALTER TABLE \(table) RENAME TO new_\(table)")
            }
            for statement in ofTables { try database.execute(sql: statement) }
            try database.execute(
                sql: """
                    INSERT INTO uploads SELECT id, server_id, principal, model, idempotency_key,
                        '', bundle_id, used_unix_ms, version, alias, alias_generation, metadata,
                        files FROM new_uploads;
                    INSERT INTO upload_files SELECT upload_id, file_index, sha256, sealed_bytes,
                        sealed_sha256, commitment FROM new_upload_files;
                    INSERT INTO alias_moves SELECT model, name, generation, is_rollback,
                        from_version, to_version, principal, reason, asked_unix_ms,
                        served_unix_ms, outcome FROM new_alias_moves;
                    DROP TABLE new_upload_files; DROP TABLE new_uploads;
                    DROP TABLE new_alias_moves; DELETE FROM grdb_migrations;
                    INSERT INTO grdb_migrations VALUES ('1');
                    """
            )
            for statement in FormerSchema.statements where statement.contains("INDEX uploads_by") {
                try database.execute(sql: statement)
            }
            let uploads = try Row.fetchAll(database, sql: "SELECT id, files, metadata FROM uploads")
            for row in uploads {
                let text = "{\"files\":\(row[1] as String),\"metadata\":\(row[2] as String)}"
                try database.execute(
                    sql: "UPDATE uploads SET contents_sha256 = ? WHERE id = ?",
                    arguments: [Hex.encode(Digest.sha256(Array(text.utf8))), row[0] as String]
                )
            }
            guard layout == .later else { return }
            for statement in FormerSchema.changes { try database.execute(sql: statement) }
            try database.execute(sql: "INSERT INTO grdb_migrations VALUES ('2')")
        }
        try queue.close()
    }

    /// The rows that name the format.
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
