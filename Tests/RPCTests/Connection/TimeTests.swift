import NIOCore
import Testing
import Wire

@testable import RPC

@Suite("Time on a connection")
struct TimeTests {
    private let server: EmbeddedServer

    init() throws {
        server = try EmbeddedServer()
    }

    @Test("a deadline is answered when it passes, and the late result is dropped")
    func deadline() throws {
        try server.receive(Frames.request(1, method: "Hold", timeoutNano: 1_000_000_000))
        let call = server.calls.all[0]
        server.advance(by: .milliseconds(999))
        #expect(try server.replies() == [])
        #expect(!call.isCancelled)
        server.advance(by: .milliseconds(1))
        #expect(try server.replies().map(\.code) == [.deadlineExceeded])
        #expect(call.isCancelled)
        call.succeed(ByteBuffer(string: "late"))
        #expect(try server.replies() == [])
    }

    @Test("each call has its own deadline, and an answered one brings nothing")
    func manyDeadlines() throws {
        for (index, seconds) in [5, 1, 3, 2].enumerated() {
            try server.receive(
                Frames.request(
                    UInt32(index * 2 + 1),
                    method: "Hold",
                    timeoutNano: Int64(seconds) * 1_000_000_000
                )
            )
        }
        server.calls.all[3].succeed(ByteBuffer())
        server.advance(by: .seconds(10))
        #expect(try server.replies().map(\.streamID) == [7, 3, 5, 1])
    }

    @Test("a negative timeout has passed", arguments: [-1, Int64.min])
    func negative(nanoseconds: Int64) throws {
        try server.receive(Frames.request(1, method: "Hold", timeoutNano: nanoseconds))
        #expect(try server.replies().map(\.code) == [.deadlineExceeded])
        #expect(server.calls.all.isEmpty)
    }

    @Test("a timeout of 0 is none, and so is one of centuries", arguments: [0, Int64.max])
    func none(nanoseconds: Int64) throws {
        try server.receive(Frames.request(1, method: "Hold", timeoutNano: nanoseconds))
        #expect(server.calls.all.first?.deadline == nil)
        #expect(server.calls.all.count == 1)
    }

    @Test("a frame that is begun has to go on; an idle connection has not")
    func slowFrames() throws {
        server.advance(by: .hours(24))
        #expect(server.isOpen)
        try server.receive(ByteBuffer(bytes: [0]))
        server.advance(by: .seconds(9))
        #expect(server.isOpen)
        server.advance(by: .seconds(1))
        #expect(!server.isOpen)
    }

    @Test("a body that is begun has a minute")
    func slowBody() throws {
        let frame = Frames.request(1)
        try server.receive(ByteBuffer(frame.readableBytesView.prefix(12)))
        server.advance(by: .seconds(59))
        #expect(server.isOpen)
        try server.receive(ByteBuffer(frame.readableBytesView.dropFirst(12)))
        #expect(try server.replies().map(\.text) == ["hi"])
        server.advance(by: .hours(1))
        #expect(server.isOpen)
        try server.receive(ByteBuffer(Frames.request(3).readableBytesView.prefix(12)))
        server.advance(by: .seconds(60))
        #expect(!server.isOpen)
    }

    @Test("a peer that takes no replies is cut after 30 s")
    func stalledPeer() throws {
        server.socket.isStopped = true
        try server.receive(Frames.request(1), Frames.request(3, method: "Hold"))
        server.advance(by: .seconds(29))
        #expect(server.isOpen)
        server.advance(by: .seconds(9))
        #expect(!server.isOpen)
        #expect(server.calls.all[0].isCancelled)
    }

    @Test("what cancels runs the call's hooks, with the outcome")
    func hooks() throws {
        try server.receive(Frames.request(1, method: "Hold", timeoutNano: 1_000))
        let events = Events()
        let call = server.calls.all[0]
        call.onCancel { events.add("cancelled") }
        call.onFinish { events.add($0.name) }
        server.advance(by: .seconds(1))
        #expect(events.all == ["DEADLINE_EXCEEDED", "cancelled"])
        call.onCancel { events.add("late") }
        call.onFinish { events.add("late \($0.name)") }
        #expect(events.all.dropFirst(2) == ["late", "late DEADLINE_EXCEEDED"])
    }

    @Test("an answered call is never cancelled")
    func noHooksAfterAnswer() throws {
        try server.receive(Frames.request(1, method: "Hold", timeoutNano: 1_000))
        let events = Events()
        let call = server.calls.all[0]
        call.onCancel { events.add("cancelled") }
        call.succeed(ByteBuffer())
        call.onCancel { events.add("late") }
        server.advance(by: .seconds(1))
        #expect(events.all == [])
        #expect(try server.replies().count == 1)
    }

    @Test("a cancelled call is answered at once")
    func cancel() throws {
        try server.receive(Frames.request(1, method: "Hold"))
        server.calls.all[0].cancel()
        #expect(try server.replies().map(\.code) == [.cancelled])
    }
}
