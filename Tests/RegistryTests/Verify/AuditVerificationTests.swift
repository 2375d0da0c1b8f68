import Foundation
import Registry
import Testing

@Suite("Verification of the audit log")
struct AuditVerificationTests {
    private func logged(_ count: Int) throws -> TestHome {
        let home = try TestHome()
        let registry = try home.open()
        for _ in 1...count { _ = try registry.publishSmall() }
        return home
    }

    @Test("a whole log has no fault, also while it grows")
    func whole() throws {
        let home = try logged(3)
        let registry = try home.open()
        #expect(home.verifyAudit().faults == [])
        _ = try registry.publishSmall()
        let result = home.verifyAudit()
        #expect(result.faults == [])
        #expect(result.summary.events == 5 && result.summary.sequence == 5)
    }

    @Test("more events than one page are walked")
    func pages() throws {
        let home = try TestHome()
        let registry = try home.open()
        _ = try registry.publishSmall()
        for _ in 1...600 {
            _ = try registry.setAlias(
                model: "sentiment",
                alias: "live",
                version: 1,
                principal: "cert:ann"
            )
        }
        let result = home.verifyAudit()
        #expect(result.faults == [] && result.summary.events == 602)
    }

    @Test(
        "a changed, removed, added or moved event is a fault",
        arguments: [
            ("UPDATE audit SET principal = 'cert:eve' WHERE sequence = 2", "audit event 2: hash"),
            (
                "UPDATE audit SET hash = \(firstDigitFlipped("hash")) WHERE sequence = 2",
                "audit event 2: hash"
            ),
            (
                "UPDATE audit SET previous_hash = hash WHERE sequence = 2",
                "audit event 2: previous_hash"
            ),
            ("DELETE FROM audit WHERE sequence = 2", "audit event 2: sequence"),
            ("DELETE FROM audit WHERE sequence IN (2, 3)", "audit events 2 to 3: sequence"),
            ("DELETE FROM audit WHERE sequence = 1", "audit event 1: sequence"),
            ("DELETE FROM audit WHERE sequence = 5", "audit log: tail"),
            ("DELETE FROM audit WHERE sequence > 2", "audit log: tail"),
            (
                "INSERT INTO audit SELECT 6, 0, 'x', 'x', '', 0, '', hash, hash FROM audit LIMIT 1",
                "audit log: events after the head"
            ),
            (
                "UPDATE catalogue SET head = replace(head, 'audit_sequence\":5', 'audit_sequence\":4')",
                "catalogue head: head field audit_sequence"
            ),
        ]
    )
    func faults(statement: String, place: String) throws {
        let home = try logged(4)
        try home.sql(statement)
        let faults = home.verifyAudit().faults
        #expect(faults.contains(place), "\(faults)")
    }

    @Test("a checkpoint holds while the log grows, and shows a log that is another one")
    func checkpoint() throws {
        let home = try logged(2)
        let older = try home.copy()
        let kept = try AuditVerification.checkpoint(home.places)
        _ = try home.open().publishSmall()
        #expect(home.verifyAudit(checkpoint: kept).faults == [])
        let later = try AuditVerification.checkpoint(home.places)
        #expect(
            older.verifyAudit(checkpoint: later).faults == [
                "catalogue head: sequence", "audit log: tail",
            ]
        )
        // The same keys, another history after the copy.
        _ = try older.open().publishSmall("fork")
        #expect(older.verifyAudit(checkpoint: later).faults == ["audit event 4: hash"])
        #expect(older.verifyAudit(checkpoint: kept).faults == [])
    }

    @Test("a checkpoint that was altered, or is another registry's, is a fault")
    func otherCheckpoint() throws {
        let home = try logged(2)
        let kept = try AuditVerification.checkpoint(home.places)
        var head = kept.head
        head[20] ^= 1
        let altered = Checkpoint(head: head, signature: kept.signature)
        #expect(home.verifyAudit(checkpoint: altered).faults == ["checkpoint: signature"])
        let stranger = try logged(1)
        let other = try AuditVerification.checkpoint(stranger.places)
        #expect(home.verifyAudit(checkpoint: other).faults == ["checkpoint: signature"])
    }

    @Test("no checkpoint is taken of a head that does not hold")
    func damagedHead() throws {
        let home = try logged(1)
        try home.sql("UPDATE catalogue SET signature = \(firstDigitFlipped("signature"))")
        #expect(refusal { try AuditVerification.checkpoint(home.places) } == .dataLoss)
    }
}
