import NIOCore
import NIOEmbedded
import TLS
import Testing
import Wire

@testable import RPC

@Suite("Turns of a connection")
struct TurnTests {
    private let server: EmbeddedServer

    init() throws {
        var limits = RPCLimits()
        limits.maxFramesPerTurn = 4
        server = try EmbeddedServer(limits: limits)
    }

    private func requests(_ ids: Range<Int>, method: String = "Echo") -> ByteBuffer {
        Frames.joined(ids.map { Frames.request(UInt32($0 * 2 + 1), method: method) })
    }

    private func nextRound() { server.advance(by: LoopTurns.pauseTime) }

    @Test("as many frames as a turn has are answered at once, one more in the next round")
    func limit() throws {
        try server.receive(requests(0..<4))
        #expect(try server.replies().count == 4)
        try server.receive(requests(4..<9))
        #expect(try server.replies().map(\.streamID) == [9, 11, 13, 15])
        nextRound()
        #expect(try server.replies().map(\.streamID) == [17])
    }

    @Test("frames of every kind count")
    func kinds() throws {
        let unknown = (0..<4).map { Frames.raw(UInt32($0 * 2 + 1), type: 9) }
        try server.receive(Frames.joined(unknown), requests(10..<11))
        #expect(try server.replies().isEmpty)
        nextRound()
        #expect(try server.replies().count == 1)
    }

    @Test("nothing is read from the socket while frames are left over")
    func reading() throws {
        try server.receive(requests(0..<9))
        let reads = server.socket.reads
        server.channel.read()
        nextRound()
        #expect(server.socket.reads == reads)
        nextRound()
        #expect(server.socket.reads == reads + 1)
        #expect(try server.replies().count == 9)
    }

    @Test("bytes that come while frames are left over wait for their turn")
    func moreBytes() throws {
        try server.receive(requests(0..<6))
        try server.receive(requests(6..<7))
        #expect(try server.replies().count == 4)
        nextRound()
        #expect(try server.replies().map(\.streamID) == [9, 11, 13])
    }

    @Test("an answer from elsewhere gives no turn")
    func answers() throws {
        try server.receive(requests(0..<1, method: "Hold"), requests(1..<9))
        #expect(try server.replies().count == 3)
        server.calls.all[0].succeed(ByteBuffer())
        #expect(try server.replies().map(\.streamID) == [1])
        nextRound()
        #expect(try server.replies().count == 4)
    }

    @Test("after the client's end, and while the server drains, frames left over are answered")
    func ending() throws {
        try server.receive(requests(0..<6))
        server.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        server.link.drain()
        #expect(try server.replies().count == 4)
        #expect(server.isOpen)
        nextRound()
        #expect(try server.replies().map(\.code) == [.unavailable, .unavailable])
        #expect(!server.isOpen)
    }

    @Test("a connection that closes before its turn is forgotten")
    func closing() throws {
        try server.receive(requests(0..<6))
        server.channel.close(promise: nil)
        nextRound()
        #expect(server.calls.all.isEmpty)
        #expect(!server.isOpen)
    }

    @Test("a frame whose rest waits for a turn is not late")
    func partialFrame() throws {
        var limits = RPCLimits()
        limits.maxFramesPerTurn = 1
        limits.headerTimeout = LoopTurns.pauseTime
        let server = try EmbeddedServer(limits: limits)
        var bytes = Frames.joined((0..<4).map { Frames.request(UInt32($0 * 2 + 1)) })
        let first = bytes.readSlice(length: 3) ?? ByteBuffer()
        try server.receive(first)
        try server.receive(bytes)
        server.advance(by: .seconds(1))
        #expect(try server.replies().count == 4)
        #expect(server.isOpen)
    }
}

@Suite("Connections without a principal")
struct AnonymousConnectionTests {
    private let server: EmbeddedServer

    init() throws {
        var limits = RPCLimits()
        limits.firstByteTimeout = .seconds(4)
        limits.anonymousIdleTimeout = .seconds(6)
        server = try EmbeddedServer(limits: limits)
    }

    private func finishHandshake() throws {
        let pipeline = server.channel.pipeline.syncOperations
        let context = try pipeline.context(handlerType: ServerConnectionHandler.self)
        try pipeline.handler(type: ServerConnectionHandler.self)
            .handshakeEnded(.anonymous, context)
    }

    @Test("one that sends nothing is open until the first byte's time is over")
    func firstByte() throws {
        try finishHandshake()
        server.advance(by: .milliseconds(3_999))
        #expect(server.isOpen)
        server.advance(by: .milliseconds(1))
        #expect(!server.isOpen)
    }

    @Test("after a byte it may be idle for the time of idle ones, counted from its last answer")
    func idle() throws {
        try finishHandshake()
        try server.receive(Frames.request(1))
        server.advance(by: .seconds(5))
        try server.receive(Frames.request(3))
        server.advance(by: .milliseconds(5_999))
        #expect(server.isOpen)
        server.advance(by: .milliseconds(1))
        #expect(!server.isOpen)
    }

    @Test("one whose call runs is not idle")
    func running() throws {
        try finishHandshake()
        try server.receive(Frames.request(1, method: "Hold"))
        server.advance(by: .minutes(1))
        #expect(server.isOpen)
        server.calls.all[0].succeed(ByteBuffer())
        #expect(try server.replies().count == 1)
        server.advance(by: .milliseconds(5_999))
        #expect(server.isOpen)
        server.advance(by: .milliseconds(1))
        #expect(!server.isOpen)
    }

    @Test("one with a principal may be idle for ever")
    func principal() throws {
        let local = try EmbeddedServer(principal: .user(7))
        local.advance(by: .hours(24))
        #expect(local.isOpen)
    }
}
