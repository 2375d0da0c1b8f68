import NIOCore
import NIOEmbedded
import Testing
import Wire

@testable import RPC

@Suite("Backpressure and the end of a connection")
struct BackpressureTests {
    private let server: EmbeddedServer

    init() throws {
        server = try EmbeddedServer()
    }

    private func holds(_ ids: Range<Int>) -> ByteBuffer {
        Frames.joined(ids.map { Frames.request(UInt32($0 * 2 + 1), method: "Hold") })
    }

    @Test("256 calls run at once; the others wait, are not refused, and no more is read")
    func callLimit() throws {
        try server.receive(holds(0..<300))
        #expect(server.calls.all.count == 256)
        let reads = server.socket.reads
        server.channel.read()
        #expect(server.socket.reads == reads)
        server.calls.all[0].succeed(ByteBuffer())
        #expect(try server.replies().count == 1)
        #expect(server.calls.all.count == 257)
        #expect(server.socket.reads == reads)
        for call in server.calls.all { call.succeed(ByteBuffer()) }
        #expect(try server.replies().count == 256)
        #expect(server.calls.all.count == 300)
        // The read that was held back happened when there was room.
        #expect(server.socket.reads == reads + 1)
        for call in server.calls.all { call.succeed(ByteBuffer()) }
        #expect(try server.replies().count == 43)
        #expect(server.isOpen)
    }

    @Test("calls that are answered in the tick in which they are read do not count")
    func inTickCalls() throws {
        try server.receive(Frames.joined((0..<5_000).map { Frames.request(UInt32($0 * 2 + 1)) }))
        #expect(try server.replies().count == 5_000)
    }

    @Test("a deadline that passes while its request waits for room is kept")
    func deadlineWhileWaiting() throws {
        try server.receive(
            holds(0..<256),
            Frames.request(1_001, method: "Hold", timeoutNano: 1_000_000)
        )
        server.advance(by: .seconds(1))
        server.calls.all[0].succeed(ByteBuffer())
        #expect(try server.replies().map(\.code) == [nil, .deadlineExceeded])
        #expect(server.calls.all.count == 256)
    }

    @Test("nothing is read while the socket holds too many replies")
    func unsentReplies() throws {
        server.channel.isWritable = false
        server.channel.pipeline.fireChannelWritabilityChanged()
        try server.receive(Frames.request(1))
        #expect(try server.replies() == [])
        let reads = server.socket.reads
        server.channel.read()
        #expect(server.socket.reads == reads)
        server.channel.isWritable = true
        server.channel.pipeline.fireChannelWritabilityChanged()
        #expect(try server.replies().map(\.text) == ["hi"])
        #expect(server.socket.reads == reads + 1)
    }

    @Test("replies of one tick go to the socket before they are 8 MiB")
    func largeTick() throws {
        let payload = ByteBuffer(repeating: 0x61, count: 1 << 20)
        for id in 0..<12 {
            try server.receive(Frames.request(UInt32(id * 2 + 1), method: "Hold"))
        }
        for call in server.calls.all { call.succeed(payload) }
        #expect(server.socket.flushes == 12)
        #expect(try server.replies().count == 12)
    }

    @Test("after the client's end, running calls are answered and then the connection closes")
    func halfClose() throws {
        try server.receive(holds(0..<2))
        server.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        #expect(server.isOpen)
        server.calls.all[0].succeed(ByteBuffer())
        #expect(try server.replies().count == 1)
        #expect(server.isOpen)
        server.calls.all[1].succeed(ByteBuffer())
        #expect(try server.replies().count == 1)
        #expect(!server.isOpen)
        #expect(!server.calls.all[1].isCancelled)
    }

    @Test("after the client's end, requests that waited for room are answered too")
    func halfCloseWithWaitingRequests() throws {
        try server.receive(holds(0..<258))
        server.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        for call in server.calls.all { call.succeed(ByteBuffer()) }
        #expect(try server.replies().count == 256)
        #expect(server.isOpen)
        for call in server.calls.all { call.succeed(ByteBuffer()) }
        #expect(try server.replies().count == 2)
        #expect(!server.isOpen)
    }

    @Test("an idle connection closes at the client's end")
    func idleHalfClose() throws {
        server.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        server.channel.embeddedEventLoop.run()
        #expect(!server.isOpen)
    }

    @Test("a lost connection cancels its calls, and their answers go nowhere")
    func lost() throws {
        try server.receive(holds(0..<3))
        let events = Events()
        for call in server.calls.all { call.onCancel { events.add("cancelled") } }
        server.channel.close(promise: nil)
        server.channel.embeddedEventLoop.run()
        #expect(events.all.count == 3)
        for call in server.calls.all { call.succeed(ByteBuffer()) }
        #expect(try server.replies() == [])
    }

    @Test("an error of the stream cancels the calls and closes")
    func streamError() throws {
        struct Broken: Error {}
        try server.receive(holds(0..<1))
        server.channel.pipeline.fireErrorCaught(Broken())
        server.channel.embeddedEventLoop.run()
        #expect(!server.isOpen)
        #expect(server.calls.all[0].isCancelled)
    }

    @Test("draining refuses new calls but health, and closes after the last running one")
    func draining() throws {
        try server.receive(holds(0..<1))
        server.link.drain()
        server.channel.embeddedEventLoop.run()
        try server.receive(Frames.request(3), Frames.request(5, method: "Health"))
        let replies = try server.replies()
        #expect(replies.map(\.code) == [.unavailable, nil])
        #expect(server.isOpen)
        server.calls.all[0].succeed(ByteBuffer(string: "done"))
        #expect(try server.replies().map(\.text) == ["done"])
        #expect(!server.isOpen)
    }

    @Test("draining closes an idle connection")
    func drainingIdle() throws {
        server.link.drain()
        server.channel.embeddedEventLoop.run()
        #expect(!server.isOpen)
    }

    @Test("cutting cancels what runs")
    func cutting() throws {
        try server.receive(holds(0..<1))
        server.link.cut()
        server.channel.embeddedEventLoop.run()
        #expect(!server.isOpen)
        #expect(server.calls.all[0].isCancelled)
    }

    @Test("a peer that never takes the last replies does not keep the connection")
    func stalledEnd() throws {
        server.socket.isStopped = true
        try server.receive(Frames.request(1))
        server.link.drain()
        server.channel.embeddedEventLoop.run()
        #expect(server.isOpen)
        server.advance(by: .seconds(30))
        #expect(!server.isOpen)
    }
}
