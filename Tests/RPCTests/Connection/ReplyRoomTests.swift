import NIOCore
import NIOEmbedded
import Testing
import Wire

@testable import RPC

@Suite("Room for replies, on a connection")
struct ReplyRoomTests {
    private static let reply = 40_000

    private let started = HeldCalls()

    /// `Large` runs when there is room for 40,000 bytes.
    private func server(
        connection: Int = 100_000,
        principal: Int = 10_000_000,
        held: HeldReplies? = nil,
        of caller: String = "a"
    ) throws -> EmbeddedServer {
        var limits = RPCLimits()
        limits.maxUnsentBytes = connection
        limits.maxPrincipalUnsentBytes = principal
        let large = TestMethods.method("Large") { [started] call, payload in
            let room = Call.Room(replyBytes: Self.reply, requestBytes: payload.readableBytes)
            call.whenRoom(room) { started.add(call) }
        }
        return try EmbeddedServer(
            limits: limits,
            principal: .certificate(caller),
            methods: [large],
            held: held
        )
    }

    private func large(_ ids: Range<Int>, timeoutNano: Int64 = 0) -> ByteBuffer {
        Frames.joined(
            ids.map {
                Frames.request(UInt32($0 * 2 + 1), method: "Large", timeoutNano: timeoutNano)
            }
        )
    }

    private func answer(_ range: Range<Int>, bytes: Int = reply) {
        for call in started.all[range] { call.succeed(ByteBuffer(repeating: 0x61, count: bytes)) }
    }

    private func drain(_ server: EmbeddedServer) throws -> [Reply] {
        server.socket.isStopped = false
        server.channel.flush()
        return try server.replies()
    }

    @Test("as many calls run as have room, the others wait in the connection, which is not read")
    func connectionLimit() throws {
        let server = try server()
        server.socket.isStopped = true
        try server.receive(large(0..<20))
        #expect(started.all.count == 2)
        #expect(server.held.total.bytes == 2 * Self.reply + 512)
        let reads = server.socket.reads
        server.channel.read()
        #expect(server.socket.reads == reads)
        answer(0..<2)
        server.advance(by: .seconds(5))
        #expect(started.all.count == 2)
        #expect(server.isOpen)
    }

    @Test("all calls are run in their order as the peer takes the replies")
    func progress() throws {
        let server = try server()
        server.socket.isStopped = true
        try server.receive(large(0..<20))
        var replies: [Reply] = []
        for round in 0..<10 {
            #expect(started.all.count == 2 * round + 2)
            answer(2 * round..<2 * round + 2)
            replies += try drain(server)
            server.socket.isStopped = true
        }
        replies += try drain(server)
        let ids: [UInt32] = (0..<20).map { UInt32($0 * 2 + 1) }
        #expect(replies.map(\.streamID) == ids)
        #expect(replies.allSatisfy { $0.code == nil })
        #expect(server.held.total.bytes == 0)
    }

    @Test("calls whose replies are smaller than expected make room for others at once")
    func smallerReplies() throws {
        let server = try server()
        try server.receive(large(0..<6))
        answer(0..<2, bytes: 10)
        #expect(try server.replies().count == 2)
        #expect(started.all.count == 4)
        for call in started.all[2..<4] { call.fail(Status(.notFound, "no such thing")) }
        #expect(try server.replies().map(\.code) == [.notFound, .notFound])
        #expect(started.all.count == 6)
    }

    @Test("a reply over the connection's limit is sent when the connection holds nothing else")
    func overLimit() throws {
        let server = try server(connection: 1_000)
        try server.receive(large(0..<2))
        #expect(started.all.count == 1)
        answer(0..<1)
        #expect(try server.replies().count == 1)
        #expect(started.all.count == 2)
        answer(1..<2)
        #expect(try server.replies().count == 1)
        #expect(server.held.total.bytes == 0)
    }

    @Test("a deadline that passes while a call waits is kept, and the next call has its turn")
    func deadline() throws {
        let server = try server()
        try server.receive(large(0..<2), large(2..<3, timeoutNano: 1_000_000), large(3..<4))
        #expect(started.all.count == 2)
        server.advance(by: .milliseconds(2))
        #expect(try server.replies().map(\.code) == [.deadlineExceeded])
        answer(0..<2)
        #expect(try server.replies().map(\.streamID) == [1, 3])
        #expect(started.all.map(\.streamID) == [1, 3, 7])
    }

    @Test("a call that is cancelled while it waits is not run")
    func cancelled() throws {
        let server = try server()
        try server.receive(large(0..<4))
        let waiting = try #require(server.handler.waiting.first)
        waiting.call.cancel()
        #expect(try server.replies().map(\.code) == [.cancelled])
        answer(0..<2)
        #expect(try server.replies().count == 2)
        #expect(started.all.map(\.streamID) == [1, 3, 7])
    }

    @Test("the end of a connection gives all room back, and the waiting call is not run")
    func closed() throws {
        let server = try server()
        server.socket.isStopped = true
        try server.receive(large(0..<4))
        answer(0..<1)
        server.channel.embeddedEventLoop.run()
        server.channel.close(promise: nil)
        server.channel.embeddedEventLoop.run()
        #expect(started.all.count == 2)
        #expect(started.all[1].isCancelled)
        #expect(server.handler.waiting.isEmpty)
        // The room that is left is that of a call which its method still has.
        #expect(server.held.total.bytes <= ReplyAccount.leastBytes)
        #expect(server.held.principals <= 1)
    }

    @Test("a reply that was computed for a connection that has gone is counted no longer")
    func late() throws {
        let limits = RPCLimits()
        let held = HeldReplies(limits: limits)
        let server = try EmbeddedServer(limits: limits, held: held)
        try server.receive(Frames.request(1, method: "Hold"))
        #expect(held.total.bytes == ReplyAccount.leastBytes)
        server.channel.close(promise: nil)
        server.channel.embeddedEventLoop.run()
        for call in server.calls.all { call.succeed(ByteBuffer(repeating: 0, count: 1_000_000)) }
        server.calls.removeAll()
        #expect(held.total.bytes == 0)
    }

    @Test("a call waits for room of its principal, and is refused when it waited too long")
    func principalLimit() throws {
        var limits = RPCLimits()
        limits.maxUnsentBytes = 100_000
        limits.maxPrincipalUnsentBytes = 120_000
        let held = HeldReplies(limits: limits)
        let account = held.open(.certificate("a"))
        #expect(account.take(100_000) == nil)
        let server = try server(held: held)
        try server.receive(large(0..<1))
        #expect(started.all.isEmpty)
        server.advance(by: .milliseconds(500))
        #expect(try server.replies() == [])
        server.advance(by: .milliseconds(1_000))
        let replies = try server.replies()
        #expect(replies.map(\.code) == [.resourceExhausted])
        #expect(replies[0].text.contains("limits.principal_unsent_bytes is 120000 bytes"))
        // Another principal does not notice.
        let other = try self.server(held: held, of: "b")
        try other.receive(large(0..<1))
        #expect(started.all.count == 1)
        // With room again, so does this one.
        account.release(100_000)
        try server.receive(large(1..<2))
        #expect(started.all.count == 2)
        #expect(held.refusals.map(\.count) == [1, 0])
    }

    @Test("a call that waits for room of others is run when there is some")
    func othersLeave() throws {
        var limits = RPCLimits()
        limits.maxTotalUnsentBytes = 50_000
        let held = HeldReplies(limits: limits)
        let account = held.open(.certificate("b"))
        #expect(account.take(20_000) == nil)
        let server = try server(held: held)
        try server.receive(large(0..<1))
        #expect(started.all.isEmpty)
        account.release(20_000)
        server.advance(by: .milliseconds(200))
        #expect(started.all.count == 1)
    }

    @Test("failures of frames that are no calls are counted too, and reading stops")
    func failuresOfFrames() throws {
        let server = try server(connection: 64 << 10)
        server.socket.isStopped = true
        for _ in 0..<40 {
            try server.receive(Frames.joined((0..<200).map { Frames.request(UInt32($0 * 2)) }))
        }
        #expect(server.held.total.bytes < 256 << 10)
        let sent = try drain(server).count
        #expect(sent > 0)
        for _ in 0..<40 { server.advance(by: .milliseconds(200)) }
        let rest = try server.replies().count
        #expect(sent + rest == 8_000)
        #expect(server.held.total.bytes == 0)
    }

    @Test("requests that come back to wait keep no more bytes than one frame")
    func requestBytes() throws {
        let server = try server()
        try server.receive(large(0..<2))
        let calls = started.all
        #expect(calls.count == 2)
        let room = Call.Room(replyBytes: 200_000, requestBytes: RPCLimits.frameCeilingBytes)
        for call in calls { call.wait(for: room) {} }
        let replies = try server.replies()
        #expect(replies.map(\.code) == [.resourceExhausted])
        #expect(replies[0].text.contains("limits.unsent_bytes is 100000 bytes"))
    }
}
