import Foundation
import Registry
import Testing

/// What nothing signs, against what the audit log says.
@Suite("Verification of what the audit log says")
struct HistoryVerifyTests {
    /// Of each thing that an event tells of, one: versions that are stored, rejected and deleted;
    /// moves that served, were superseded, rejected and wait; an alias that was deleted and made
    /// again, and one that is gone.
    ///
    /// - Parameter withOverrides: Whether one of the moves passes over the checks before a swap.
    static func populated(withOverrides: Bool = true) throws -> TestHome {
        let home = try TestHome()
        let registry = try home.open()
        for _ in 1...4 { _ = try registry.publishSmall() }
        try registry.reject(model: "sentiment", version: 1, reason: "no memory")
        _ = try registry.settleValidation(
            model: "sentiment",
            version: 1,
            verdict: .passed,
            principal: "cert:bob"
        )
        func ask(
            _ alias: String,
            _ version: UInt64,
            _ overrides: MoveOverrides = MoveOverrides(),
            reason: String = ""
        ) throws -> UInt64 {
            try registry.setAlias(
                model: "sentiment",
                alias: alias,
                version: version,
                overrides: overrides,
                principal: "cert:ann",
                reason: reason
            ).alias.generation
        }
        func serve(_ alias: String, _ generation: UInt64) throws {
            _ = try registry.settle(
                model: "sentiment",
                alias: alias,
                generation: generation,
                outcome: .served
            )
        }
        try serve("live", try ask("live", 1))
        // The reason combines with what stands before it in the log.
        try serve("live", try ask("live", 2, reason: "\u{301}: generation 9"))
        _ = try ask("live", 3)
        _ = try registry.rollback(model: "sentiment", alias: "live", principal: "cert:bob")
        try serve("live", 4)
        _ = try ask("live", 3)
        try registry.reject(model: "sentiment", version: 3, reason: "a wrong answer")
        try serve("old", try ask("old", 2))
        try registry.deleteAlias(model: "sentiment", alias: "old", principal: "cert:ann")
        try serve("old", try ask("old", 1))
        try serve("gone", try ask("gone", 1))
        _ = try ask("gone", 2)
        try registry.deleteAlias(model: "sentiment", alias: "gone", principal: "cert:ann")
        let both = MoveOverrides(allowsSignatureChange: true, isForced: true)
        _ = try ask("next", 2, withOverrides ? both : MoveOverrides())
        _ = try registry.setAlias(
            model: "sentiment",
            alias: "live",
            version: 2,
            principal: "cert:ann"
        )
        try registry.deleteVersion(model: "sentiment", version: 4, principal: "cert:ann")
        _ = try registry.publishSmall("other", alias: "live", serve: true)
        return home
    }

    @Test("what the log says is what is there, with keys and without")
    func whole() throws {
        let home = try Self.populated()
        #expect(try home.verify().findings.filter { $0.kind == .fault } == [])
        #expect(try home.verify(withKeys: false).faults == [])
    }

    static let live = "model 'sentiment', alias 'live'"
    static let old = "model 'sentiment', alias 'old'"
    static let gone = "model 'sentiment', alias 'gone'"
    static let next = "model 'sentiment', alias 'next'"

    private static func move(_ generation: Int, _ change: String, of alias: String = "live")
        -> String
    {
        """
        UPDATE alias_moves SET \(change)
        WHERE model = 'sentiment' AND name = '\(alias)' AND generation = \(generation)
        """
    }

    @Test(
        "a column of a move that is not what the log says is named",
        arguments: [
            (1, "is_rollback", "1", "live"), (4, "is_rollback", "0", "live"),
            (2, "from_version", "3", "live"), (2, "to_version", "3", "live"),
            (2, "principal", "'cert:eve'", "live"),
            (2, "reason", "'\u{301}: generation 8'", "live"),
            (2, "asked_unix_ms", "asked_unix_ms + 1", "live"),
            (2, "served_unix_ms", "served_unix_ms + 1", "live"),
            (3, "served_unix_ms", "1", "live"), (3, "outcome", "'pending'", "live"),
            (3, "outcome", "'served'", "live"), (5, "outcome", "'superseded'", "live"),
            (5, "served_unix_ms", "5", "live"), (6, "served_unix_ms", "0", "live"),
            (6, "outcome", "'pending'", "live"), (1, "outcome", "'served'", "next"),
            (1, "served_unix_ms", "3", "next"), (2, "outcome", "'pending'", "gone"),
            (1, "outcome", "'rejected'", "old"), (1, "allow_signature_change", "0", "next"),
            (1, "force", "0", "next"), (1, "allow_signature_change", "1", "live"),
            (4, "force", "1", "live"),
        ]
    )
    func move(generation: Int, column: String, value: String, alias: String) throws {
        let home = try Self.populated()
        try home.sql(Self.move(generation, "\(column) = \(value)", of: alias))
        let place = "model 'sentiment', alias '\(alias)': history, generation \(generation)"
        #expect(try home.verify(withKeys: false).faults == ["\(place), column \(column)"])
    }

    @Test(
        "a row or a column that the log tells otherwise of is named",
        arguments: [
            (
                "DELETE FROM alias_moves WHERE name = 'live' AND generation = 3",
                ["\(live): history, generation 3"]
            ),
            (
                """
                INSERT INTO alias_moves SELECT model, name, 9, is_rollback, from_version,
                to_version, principal, reason, asked_unix_ms, served_unix_ms, outcome,
                allow_signature_change, force FROM alias_moves WHERE name = 'next'
                """,
                ["\(next): history, generation 9"]
            ),
            (
                """
                INSERT INTO alias_moves SELECT model, 'never', 1, is_rollback, from_version,
                to_version, principal, reason, asked_unix_ms, served_unix_ms, outcome,
                allow_signature_change, force FROM alias_moves WHERE name = 'next'
                """,
                ["model 'sentiment', alias 'never': history, generation 1"]
            ),
            ("UPDATE aliases SET failure = 'x' WHERE name = 'next'", ["\(next): column failure"]),
            (
                "UPDATE aliases SET changed_unix_ms = 5 WHERE name = 'next'",
                ["\(next): column changed_unix_ms"]
            ),
            (
                "UPDATE aliases SET changed_by = 'cert:eve' WHERE name = 'old'",
                ["\(old): column changed_by"]
            ),
            ("UPDATE aliases SET version = 3 WHERE name = 'old'", ["\(old): column version"]),
            ("DELETE FROM aliases WHERE name = 'old'", ["\(old): row"]),
            (
                "UPDATE alias_counters SET generation = 3 WHERE name = 'gone'",
                ["\(gone): counter, column generation"]
            ),
            (
                "UPDATE alias_counters SET deleted_generation = 0 WHERE name = 'old'",
                ["\(old): counter, column deleted_generation"]
            ),
            ("DELETE FROM alias_counters WHERE name = 'gone'", ["\(gone): counter"]),
            (
                "INSERT INTO alias_counters VALUES ('sentiment', 'never', 1, 0)",
                ["model 'sentiment', alias 'never': counter"]
            ),
            (
                "UPDATE versions SET reason = 'x' WHERE model = 'sentiment' AND version = 1",
                ["model 'sentiment', version 1: column reason"]
            ),
            (
                """
                UPDATE versions SET state = 'rejected', reason = 'no memory'
                WHERE model = 'sentiment' AND version = 1
                """,
                [
                    "model 'sentiment', version 1: column reason",
                    "model 'sentiment', version 1: column state",
                ]
            ),
            (
                "UPDATE versions SET reason = 'x' WHERE state = 'rejected'",
                ["model 'sentiment', version 3: column reason"]
            ),
            (
                "UPDATE versions SET state = 'stored' WHERE state = 'rejected'",
                ["model 'sentiment', version 3: column state"]
            ),
            (
                "UPDATE versions SET state = 'rejected', reason = 'x' WHERE model = 'other'",
                [
                    "model 'other', version 1: column reason",
                    "model 'other', version 1: column state",
                ]
            ),
            ("INSERT INTO models VALUES ('empty', 0)", ["model 'empty': column newest"]),
        ]
    )
    func row(statement: String, places: [String]) throws {
        let home = try Self.populated()
        try home.sql(statement)
        #expect(try home.verify(withKeys: false).faults == places)
    }

    @Test("without a head that holds, what an alias points to is still compared with the log")
    func withoutHead() throws {
        let home = try Self.populated()
        try home.sql(
            """
            UPDATE catalogue SET signature = \(firstDigitFlipped("signature"));
            UPDATE aliases SET target_version = 3 WHERE name = 'old';
            DELETE FROM aliases WHERE name = 'next';
            """
        )
        let faults = try home.verify(withKeys: false).faults
        for place in ["\(Self.old): column target_version", "\(Self.next): row"] {
            #expect(faults.contains(place), "\(faults)")
        }
    }

    @Test("a version whose row is gone is named, and so is one that was never published")
    func versions() throws {
        let home = try Self.populated()
        try home.sql(
            "DELETE FROM uploads WHERE model = 'other'; DELETE FROM versions WHERE model = 'other'"
        )
        let faults = try home.verify(withKeys: false).faults
        #expect(faults.contains("model 'other', version 1: row"), "\(faults)")
        let added = try Self.populated()
        try added.sql(
            """
            INSERT INTO versions SELECT model, 7, state, reason, created_unix_ms, created_by, bytes,
            '\(String(repeating: "0", count: 32))', record_sha256, metadata, signature, sealed_card,
            record FROM versions WHERE model = 'other'
            """
        )
        #expect(
            try added.verify(withKeys: false).faults.contains("model 'other', version 7: row")
        )
    }

    @Test("rows before event 1, and rows beside the head, are named")
    func rowsThatAreNone() throws {
        let home = try Self.populated()
        try home.sql(
            """
            INSERT INTO audit SELECT 0, unix_ms, principal, action, model, version, detail,
            previous_hash, hash FROM audit WHERE sequence = 2
            """
        )
        #expect(try home.verify().faults == ["audit event 0: sequence"])
        #expect(home.verifyAudit().faults == ["audit event 0: sequence"])
        let other = try Self.populated()
        try other.sql(
            """
            PRAGMA ignore_check_constraints = ON;
            INSERT INTO catalogue SELECT 2, registry_id, sequence, record_sha256, head, signature
            FROM catalogue
            """
        )
        #expect(try other.verify().faults.contains("catalogue head: row 2"))
    }

    @Test("a damaged log is not compared with: aliases have to add up by themselves")
    func damagedLog() throws {
        let home = try Self.populated()
        try home.sql("DELETE FROM audit WHERE sequence = 3")
        let damaged = try home.verify()
        #expect(damaged.faults == ["audit event 3: sequence"])
        #expect(damaged.notes.contains { $0.hasPrefix("audit log: is damaged") })
        for (statement, place) in [
            (Self.move(2, "to_version = 7"), "\(Self.live): history, generation 2"),
            (Self.move(2, "outcome = 'rejected'"), "\(Self.live): history, generation 3"),
            (
                "UPDATE alias_counters SET generation = 9 WHERE name = 'old'",
                "\(Self.old): history"
            ),
            ("DELETE FROM alias_counters WHERE name = 'next'", "\(Self.next): counter"),
            (
                "UPDATE versions SET state = 'deleted' WHERE model = 'other'",
                "model 'other', alias 'live': column target_version"
            ),
        ] {
            let home = try home.copy()
            try home.sql(statement)
            let faults = try home.verify(withKeys: false).faults
            #expect(faults.contains(place), "\(faults)")
        }
    }

    @Test("an event out of its order in a damaged page is named, and the walk comes to its end")
    func outOfOrder() throws {
        let home = try Self.populated()
        let page = try home.rootPage(of: "audit")
        var event = 0
        try home.change(home.layout.databasePathForTests) { bytes in
            let start = (page - 1) * 4_096
            // A leaf of a table: cells of a payload's size, a row's number, the payload.
            func leaf(_ start: Int) -> Int? {
                if bytes[start] == 0x0D { return start }
                // The left-most child of an interior page.
                let cell = start + Int(bytes[start + 12]) << 8 + Int(bytes[start + 13])
                let child = bytes[cell..<cell + 4].reduce(0) { $0 << 8 + Int($1) }
                return bytes[start] == 0x05 ? leaf((child - 1) * 4_096) : nil
            }
            guard let leaf = leaf(start) else { return }
            // The last but one: the search for the first event does not come by it.
            event = Int(bytes[leaf + 3]) << 8 + Int(bytes[leaf + 4]) - 1
            let pointer = leaf + 8 + 2 * (event - 1)
            var cell = (leaf / 4_096) * 4_096 + Int(bytes[pointer]) << 8 + Int(bytes[pointer + 1])
            while bytes[cell] & 0x80 != 0 { cell += 1 }
            bytes[cell + 1] = 0
        }
        try #require(event > 2)
        for faults in [try home.verify().faults, home.verifyAudit().faults] {
            #expect(faults.contains("audit event 0: sequence"), "\(faults)")
            #expect(faults.contains("audit event \(event): sequence"), "\(faults)")
        }
    }

    @Test("a log of more events than a page holds is followed to its end")
    func pages() throws {
        let home = try TestHome()
        let registry = try home.open()
        _ = try registry.publishSmall(alias: "live", serve: true)
        _ = try registry.publishSmall()
        for move in 2...350 {
            let changed = try registry.setAlias(
                model: "sentiment",
                alias: "live",
                version: move.isMultiple(of: 2) ? 2 : 1,
                principal: "cert:ann"
            )
            _ = try registry.settle(
                model: "sentiment",
                alias: "live",
                generation: changed.alias.generation,
                outcome: .served
            )
        }
        let verified = try home.verify()
        #expect(verified.faults == [] && verified.summary.events > 500)
        _ = consume registry
        try home.sql(Self.move(350, "reason = 'x'"))
        #expect(
            try home.verify().faults == ["\(Self.live): history, generation 350, column reason"]
        )
    }
}
