import Foundation
import Registry
import Sealing
import Synchronization
import Testing

@Suite("Acceptance of an older store")
struct AcceptanceTests {
    /// A home whose store is older than its keys, with the newer files still there.
    private func older() throws -> (home: TestHome, found: UInt64, seen: UInt64) {
        let home = try TestHome()
        do { _ = try home.open().publishSmall(alias: "live", serve: true) }
        let found = try #require(home.seen)
        let copy = try home.copy()
        do { _ = try home.open().publishSmall(alias: "live", serve: true) }
        // The old database beside newer blobs, as a copy of the one file leaves it.
        for part in ["", "-wal", "-shm"] {
            let path = home.layout.databasePathForTests + part
            try? FileManager.default.removeItem(atPath: path)
            let old = copy.layout.databasePathForTests + part
            if FileManager.default.fileExists(atPath: old) {
                try FileManager.default.copyItem(atPath: old, toPath: path)
            }
        }
        return (home, found, try #require(home.seen))
    }

    @Test("an older database beside newer files is refused, accepted once, and goes on above both")
    func accept() throws {
        let (home, found, seen) = try older()
        #expect(seen > found)
        #expect(isAcceptable { try home.open() })
        let accepted = try #require(try home.accept())
        #expect(accepted == Acceptance.Accepted.of(seen: seen, found: found))
        #expect(home.seen == seen + 1)
        #expect(try home.accept() == nil)
        let registry = try home.open()
        let events = try registry.auditEvents(model: nil, after: 0, limit: 100) { _ in true }
        #expect(events.filter { $0.action == "restore.accept" }.count == 1)
        let last = try #require(events.last)
        #expect(last.detail == "seen \(seen), found \(found): the disk was lost")
        #expect(last.principal == "uid:7" && last.model.isEmpty && last.version == 0)
        try AuditCheck.expectChained(registry)
        #expect(try registry.publishSmall(alias: "live", serve: true) == 2)
        #expect(try registry.open(model: "sentiment", version: 2).info.version == 2)
    }

    @Test("a missing sequence is accepted, and recorded as such")
    func missing() throws {
        let home = try TestHome()
        do { _ = try home.open().publishSmall() }
        let found = try #require(home.seen)
        try FileManager.default.removeItem(atPath: home.layout.sequencePath)
        #expect(isAcceptable { try home.open() })
        let accepted = try #require(try home.accept())
        #expect(accepted.seen == nil && accepted.found == found)
        #expect(accepted.sequence == found + 1 && home.seen == found + 1)
        let events = try home.open().auditEvents(model: nil, after: 0, limit: 100) { _ in true }
        #expect(events.last?.detail == "seen none, found \(found): the disk was lost")
    }

    @Test("where nothing is to be accepted nothing is changed")
    func nothing() throws {
        let home = try TestHome()
        let seen = home.seen
        #expect(try home.accept() == nil)
        #expect(home.seen == seen)
        #expect(try home.count("SELECT COUNT(*) FROM audit") == 1)
        let registry = try home.open()
        #expect(refusal { try home.accept() } == .unavailable)
        #expect(registry.storageFailure == nil)
    }

    @Test(
        "a damaged head, alias or log is never accepted",
        arguments: [
            "UPDATE catalogue SET signature = \(firstDigitFlipped("signature"))",
            "UPDATE catalogue SET sequence = sequence + 100",
            "DELETE FROM catalogue", "DELETE FROM aliases",
            "DELETE FROM audit WHERE sequence = (SELECT MAX(sequence) FROM audit)",
        ]
    )
    func damaged(_ sql: String) throws {
        let (home, _, seen) = try older()
        try home.sql(sql)
        #expect(refusal { try home.accept() } == .unavailable)
        #expect(!isAcceptable { try home.open() })
        #expect(home.seen == seen)
    }

    @Test("a sequence that no registry reaches, or that is no number, is not accepted")
    func outOfRange() throws {
        let (home, _, _) = try older()
        let path = home.layout.sequencePath
        for (text, code) in [
            ("\(UInt64.max)\n", RegistryError.Code.failedPrecondition),
            ("\(Int64.max)\n", .failedPrecondition), ("many\n", .unavailable),
        ] {
            try text.write(toFile: path, atomically: true, encoding: .utf8)
            #expect(refusal { try home.accept() } == code, "\(text)")
        }
        try "\(Int64.max - 1)\n".write(toFile: path, atomically: true, encoding: .utf8)
        #expect(try home.accept()?.sequence == UInt64(Int64.max))
    }

    @Test("a reason has at least one byte and at most as many as any other reason")
    func reasons() throws {
        for reason in ["", "a\0b", String(repeating: "x", count: Limits.maxReasonBytes + 1)] {
            #expect(
                refusal { try Acceptance(principal: "server", reason: reason) }
                    == .invalidArgument
            )
        }
        let longest = String(repeating: "x", count: Limits.maxReasonBytes)
        #expect(refusal { try Acceptance(principal: "server", reason: longest) } == nil)
    }

    @Test("a crash at any step leaves it refused as before, or accepted")
    func crashes() throws {
        let (home, _, seen) = try older()
        let taken = Mutex<[(step: String, home: TestHome)]>([])
        let steps = Steps { step in
            let copy = try home.copy()
            taken.withLock { $0.append((step, copy)) }
        }
        _ = try home.accept(steps: steps)
        let copies = taken.withLock { $0 }
        #expect(
            copies.map(\.step) == [
                "transaction.begin", "head", "transaction.commit", "sequence.write",
                "sequence.rename", "answer",
            ]
        )
        for (step, copy) in copies {
            let isAfter = ["sequence.write", "sequence.rename", "answer"].contains(step)
            #expect(isAcceptable { try copy.open() } == !isAfter, "\(step)")
            #expect(try (copy.accept() == nil) == isAfter, "\(step)")
            let registry = try copy.open()
            #expect(copy.seen == seen + 1, "\(step)")
            let events = try registry.auditEvents(model: nil, after: 0, limit: 100) { _ in true }
            #expect(events.filter { $0.action == "restore.accept" }.count == 1, "\(step)")
        }
    }

    /// Whether `body` is refused in a way that a person may accept.
    private func isAcceptable(_ body: () throws -> some Any) -> Bool {
        do {
            _ = try body()
            return false
        } catch {
            return (error as? RegistryError)?.isAcceptable == true
        }
    }
}

extension Acceptance.Accepted {
    static func of(seen: UInt64, found: UInt64) -> [UInt64] { [seen, found, seen + 1] }

    static func == (accepted: Acceptance.Accepted, numbers: [UInt64]) -> Bool {
        [accepted.seen ?? 0, accepted.found, accepted.sequence] == numbers
    }
}
