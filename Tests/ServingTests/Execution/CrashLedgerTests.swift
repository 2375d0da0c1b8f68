import Testing

@testable import Serving

@Suite("The ledger of a version's crashes")
struct CrashLedgerTests {
    private static let second: UInt64 = 1_000_000_000
    /// The ledger is to work from any time of the clock on.
    private static let start: UInt64 = 5 * second

    private func pause(_ ledger: CrashLedger, _ caller: String, _ nowNs: UInt64) -> UInt64? {
        guard case .caller(let left)? = ledger.pause(of: caller, atNs: nowNs) else { return nil }
        return left
    }

    private func versionPause(_ ledger: CrashLedger, _ nowNs: UInt64) -> UInt64? {
        guard case .version(let left)? = ledger.pause(of: "cert:eve", atNs: nowNs) else {
            return nil
        }
        return left
    }

    @Test("two ends within a minute are tolerated, the third one pauses its caller for a second")
    func threshold() {
        var ledger = CrashLedger()
        ledger.charge("cert:ann", atNs: Self.start)
        ledger.charge("cert:ann", atNs: Self.start + 30 * Self.second)
        #expect(ledger.pause(of: "cert:ann", atNs: Self.start + 30 * Self.second) == nil)
        let third = Self.start + CrashLedger.windowNs - 1
        ledger.charge("cert:ann", atNs: third)
        #expect(pause(ledger, "cert:ann", third) == Self.second)
        #expect(pause(ledger, "cert:ann", third + Self.second - 1) == 1)
        #expect(pause(ledger, "cert:ann", third + Self.second) == nil)
        #expect(ledger.pause(of: "cert:bob", atNs: third) == nil)
    }

    @Test("ends that lie further apart than the window pause no caller")
    func window() {
        var ledger = CrashLedger()
        for index: UInt64 in 0..<20 {
            let now = Self.start + index * 30 * Self.second
            ledger.charge("cert:ann", atNs: now)
            #expect(ledger.pause(of: "cert:ann", atNs: now) == nil)
        }
    }

    @Test("each further end doubles the pause, up to a minute")
    func doubling() {
        var ledger = CrashLedger()
        var now = Self.start
        for _ in 0..<2 { ledger.charge("cert:ann", atNs: now) }
        for expected: UInt64 in [1, 2, 4, 8, 16, 32, 60, 60] {
            ledger.charge("cert:ann", atNs: now)
            #expect(pause(ledger, "cert:ann", now) == expected * Self.second)
            now += expected * Self.second
        }
    }

    @Test("a minute without an end or a pause closes the account")
    func quiet() {
        var ledger = CrashLedger()
        for _ in 0..<4 { ledger.charge("cert:ann", atNs: Self.start) }
        let over = Self.start + 2 * Self.second
        var late = ledger
        late.charge("cert:ann", atNs: over + CrashLedger.windowNs)
        #expect(late.pause(of: "cert:ann", atNs: over + CrashLedger.windowNs) == nil)
        #expect(ledger.isEmpty(atNs: over + CrashLedger.windowNs))
        #expect(!ledger.isEmpty(atNs: over + CrashLedger.windowNs - 1))
        ledger.charge("cert:ann", atNs: over + CrashLedger.windowNs - 1)
        #expect(pause(ledger, "cert:ann", over + CrashLedger.windowNs - 1) == 4 * Self.second)
    }

    @Test("two callers pause nothing but themselves, a third one within the window pauses all")
    func callers() {
        var ledger = CrashLedger()
        for _ in 0..<3 { ledger.charge("cert:ann", atNs: Self.start) }
        ledger.charge("cert:bob", atNs: Self.start)
        #expect(ledger.pause(of: "cert:eve", atNs: Self.start) == nil)
        let late = Self.start + CrashLedger.windowNs - 1
        ledger.charge("uid:7", atNs: late)
        #expect(versionPause(ledger, late) == Self.second)
        ledger.charge("uid:7", atNs: late)
        #expect(versionPause(ledger, late) == 2 * Self.second)
    }

    @Test("a third caller after the window pauses nothing")
    func lateCaller() {
        var ledger = CrashLedger()
        ledger.charge("cert:ann", atNs: Self.start)
        ledger.charge("cert:bob", atNs: Self.start + 1)
        let now = Self.start + CrashLedger.windowNs
        ledger.charge("cert:cyd", atNs: now)
        #expect(ledger.pause(of: "cert:cyd", atNs: now) == nil)
    }

    @Test("a version's pause doubles up to a minute")
    func versionDoubling() {
        var ledger = CrashLedger()
        for name in ["a", "b"] { ledger.charge(name, atNs: Self.start) }
        for expected: UInt64 in [1, 2, 4, 8, 16, 32, 60, 60] {
            ledger.charge("c", atNs: Self.start)
            #expect(versionPause(ledger, Self.start) == expected * Self.second)
        }
    }

    @Test("accounts are bounded, and no number of other callers helps one to escape")
    func bounded() {
        var ledger = CrashLedger()
        for _ in 0..<8 { ledger.charge("cert:ann", atNs: Self.start) }
        let paused = pause(ledger, "cert:ann", Self.start)
        for index in 0..<3 * CrashLedger.maxAccounts {
            ledger.charge("cert:other-\(index)", atNs: Self.start + 1)
        }
        #expect(ledger.accounts == CrashLedger.maxAccounts)
        #expect(paused == 32 * Self.second)
        // Its own account is closed last, and the version is paused for longer.
        #expect(ledger.pause(of: "cert:ann", atNs: Self.start + 1) != nil)
        let afterwards = Self.start + 1 + CrashLedger.maxPauseNs
        #expect(ledger.pause(of: "cert:ann", atNs: afterwards - 1) != nil)
        ledger.charge("cert:ann", atNs: afterwards)
        #expect(ledger.pause(of: "cert:ann", atNs: afterwards) != nil)
    }

    @Test("an empty ledger is empty at any time", arguments: [0, 1, UInt64.max])
    func empty(nowNs: UInt64) {
        #expect(CrashLedger().isEmpty(atNs: nowNs))
        #expect(CrashLedger().pause(of: "cert:ann", atNs: nowNs) == nil)
    }
}
