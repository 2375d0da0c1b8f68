import Logging
import NIOCore
import NIOEmbedded
import RPC
import Testing
import Wire

@testable import Server

@Suite("Bounds of the control plane")
struct BlockingWorkTests {
    private final class Connection: CallConnection {
        let eventLoop: any EventLoop = EmbeddedEventLoop()
        let logger = Logger(label: "test")
        func deliver(_ answer: CallAnswer, of call: Call) {}
    }

    private func arrival(_ name: String, bytes: Int = 0) -> Arrival {
        let principal = Principal.certificate(name)
        let call = Call(
            method: Method(service: "s", name: "m") { _, _ in },
            streamID: 1,
            origin: Call.Origin(principal: principal, receivedAt: .now()),
            connection: Connection()
        )
        return Arrival(
            caller: Caller(principal: principal, list: AccessList()),
            call: call,
            payloadBytes: bytes
        )
    }

    private func isRefused(_ work: BlockingWork, _ arrival: Arrival) -> Bool {
        do {
            _ = try work.enter(arrival)
            return false
        } catch {
            #expect(error.code == .resourceExhausted)
            return true
        }
    }

    @Test("one principal cannot keep the others out")
    func share() throws {
        let work = BlockingWork()
        let places = try (0..<BlockingWork.maxCallsPerPrincipal).map { _ in
            try work.enter(arrival("alice"))
        }
        #expect(isRefused(work, arrival("alice")))
        #expect(!isRefused(work, arrival("bob")))
        work.leave(places[0])
        #expect(!isRefused(work, arrival("alice")))
    }

    @Test("all together are bounded")
    func all() throws {
        let work = BlockingWork()
        for index in 0..<BlockingWork.maxCalls { _ = try work.enter(arrival("c\(index)")) }
        #expect(isRefused(work, arrival("late")))
    }

    @Test("messages that wait are bounded by their bytes")
    func bytes() throws {
        let work = BlockingWork()
        let half = try work.enter(arrival("alice", bytes: BlockingWork.maxBytes / 2))
        _ = try work.enter(arrival("alice", bytes: BlockingWork.maxBytes / 2))
        #expect(isRefused(work, arrival("bob", bytes: 1)))
        work.leave(half)
        #expect(!isRefused(work, arrival("bob", bytes: 1)))
    }
}

@Suite("Pages")
struct PageTests {
    @Test("a page ends before its bytes are too many, and never before its first entry")
    func bytes() {
        let entry = V1.AuditEvent(detail: String(repeating: "x", count: 1 << 20))
        #expect(Page.fitting([entry, entry, entry, entry]).count == 2)
        let large = V1.AuditEvent(detail: String(repeating: "x", count: Page.maxBytes + 1))
        #expect(Page.fitting([large, large]).count == 1)
        #expect(Page.fitting([V1.AuditEvent]()).isEmpty)
    }
}
