import Testing

@testable import Server

@Suite("Log lines for clamped priorities")
struct ClampingLogTests {
    private let pauseNs = ClampingLog.pauseNs

    @Test("a principal has a line a minute, which counts the calls since the last")
    func pause() {
        var log = ClampingLog()
        #expect(log.note("cert:a", atNs: 5) == 1)
        #expect(log.note("cert:a", atNs: 6) == nil)
        #expect(log.note("cert:b", atNs: 7) == 1)
        #expect(log.note("cert:a", atNs: 5 + pauseNs - 1) == nil)
        #expect(log.note("cert:a", atNs: 5 + pauseNs) == 3)
        #expect(log.note("cert:a", atNs: 6 + pauseNs) == nil)
        #expect(log.note("cert:a", atNs: 5 + 2 * pauseNs) == 2)
    }

    @Test("so many principals are remembered, and those of long ago make room")
    func bound() {
        var log = ClampingLog()
        for index in 0..<ClampingLog.maxPrincipals {
            #expect(log.note("cert:\(index)", atNs: UInt64(index)) == 1)
        }
        #expect(log.note("cert:more", atNs: pauseNs - 1) == nil)
        #expect(log.note("cert:0", atNs: pauseNs - 1) == nil)
        #expect(log.count == ClampingLog.maxPrincipals)
        #expect(log.note("cert:more", atNs: pauseNs) == 1)
        #expect(log.count == ClampingLog.maxPrincipals)
        #expect(log.note("cert:0", atNs: pauseNs + ClampingLog.maxPrincipals.nanoseconds) == 1)
        #expect(log.count <= ClampingLog.maxPrincipals)
    }
}

extension Int {
    fileprivate var nanoseconds: UInt64 { UInt64(self) }
}
