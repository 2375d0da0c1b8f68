import Foundation
import Registry
import Sealing
import Testing

/// Checks the chain of the audit log with a computation of its own.
enum AuditCheck {
    static func expectChained(_ registry: Registry) throws {
        #expect(try firstFault(registry) == nil)
    }

    /// The sequence of the first event that is not the one that was chained.
    static func firstFault(_ registry: Registry) throws -> UInt64? {
        let events = try registry.auditEvents(model: nil, after: 0, limit: 1_000) { _ in true }
        var previous = Data(count: 32)
        for (index, event) in events.enumerated() {
            guard event.sequence == UInt64(index + 1), Data(event.previousHash) == previous else {
                return UInt64(index + 1)
            }
            var input = Data()
            func add(_ field: Data) {
                withUnsafeBytes(of: UInt32(field.count).bigEndian) { input.append(contentsOf: $0) }
                input.append(field)
            }
            func add(_ number: UInt64) {
                add(withUnsafeBytes(of: number.bigEndian) { Data($0) })
            }
            add(Data("strongroom/audit/v1".utf8))
            add(event.sequence)
            add(UInt64(event.unixMs))
            add(Data(event.principal.utf8))
            add(Data(event.action.utf8))
            add(Data(event.model.utf8))
            add(event.version)
            add(Data(event.detail.utf8))
            add(Data(event.previousHash))
            guard Digest.sha256([UInt8](input)) == event.hash else { return event.sequence }
            previous = Data(event.hash)
        }
        return nil
    }
}

@Suite("Audit log")
struct AuditTests {
    @Test("every change is in the log, with who and what, and the log is a chain")
    func chain() throws {
        let home = try TestHome()
        let registry = try home.open()
        let ann = "cert:ann"
        _ = try registry.publishSmall(alias: "live", serve: true)
        _ = try registry.publishSmall(alias: "live", serve: true)
        _ = try registry.publishSmall(alias: "live")
        try registry.reject(model: "sentiment", version: 3, reason: "golden/0.json: differs")
        _ = try registry.rollback(
            model: "sentiment",
            alias: "live",
            reason: "sales drop",
            principal: "cert:bob"
        )
        try registry.deleteVersion(model: "sentiment", version: 3, principal: ann)
        try registry.deleteAlias(model: "sentiment", alias: "live", principal: ann)
        let events = try registry.auditEvents(model: nil, after: 0, limit: 100) { _ in true }
        #expect(
            events.map(\.action) == [
                "init", "publish", "alias.set", "alias.served", "publish", "alias.set",
                "alias.served", "publish", "alias.set", "version.reject", "alias.rejected",
                "rollback", "version.delete", "alias.delete",
            ]
        )
        #expect(events[11].principal == "cert:bob" && events[11].version == 1)
        #expect(events[11].detail.contains("sales drop"))
        #expect(events[3].principal == AuditAction.serverPrincipal)
        try AuditCheck.expectChained(registry)
    }

    @Test("the log is read in pages, by model, and as far as the caller may see")
    func pages() throws {
        let home = try TestHome()
        let registry = try home.open()
        for model in ["a", "b", "a"] { _ = try registry.publishSmall(model) }
        func sequences(_ model: String?, _ after: UInt64, _ limit: Int, _ visible: String) throws
            -> [UInt64]
        {
            try registry.auditEvents(model: model, after: after, limit: limit) {
                visible.isEmpty || $0 == visible
            }.map(\.sequence)
        }
        #expect(try sequences(nil, 0, 2, "") == [1, 2])
        #expect(try sequences(nil, 2, 10, "") == [3, 4])
        #expect(try sequences("a", 0, 10, "") == [2, 4])
        #expect(try sequences(nil, 0, 10, "b") == [3])
        #expect(try sequences(nil, 0, 1, "b") == [3])
        #expect(try sequences("nobody", 0, 10, "") == [])
        #expect(try sequences(nil, .max, 10, "") == [])
    }

    @Test("what changes nothing leaves no event")
    func noEvent() throws {
        let home = try TestHome()
        let registry = try home.open()
        _ = try registry.publishSmall(alias: "live", serve: true)
        let before = try registry.auditEvents(model: nil, after: 0, limit: 100) { _ in true }
        #expect(
            try registry.settle(model: "sentiment", alias: "live", generation: 1, outcome: .served)
        )
        #expect(
            try !registry.settle(model: "sentiment", alias: "live", generation: 2, outcome: .served)
        )
        _ = refusal {
            try registry.setAlias(
                model: "sentiment",
                alias: "live",
                version: 9,
                principal: "cert:ann"
            )
        }
        #expect(try registry.auditEvents(model: nil, after: 0, limit: 100) { _ in true } == before)
    }
}
