import NIOCore
import NIOEmbedded
import Testing

@testable import TLS

@Suite("The TLS handler")
struct TLSHandlerTests {
    let authority: TestAuthority

    init() throws {
        authority = try TestAuthority()
    }

    private func opened() throws -> ChannelPair {
        let pair = try ChannelPair(authority)
        try pair.pump()
        #expect(pair.client.recorder.events == [.handshake(peer: nil)])
        #expect(pair.server.recorder.events == [.handshake(peer: "alice")])
        return pair
    }

    @Test("the handshake is reported once, with the client's name")
    func handshake() throws {
        let pair = try opened()
        #expect(pair.server.handler.peerCertificate?.clientName == "alice")
        #expect(pair.client.handler.peerCertificate?.subject == "CN=localhost")
        try pair.finish()
    }

    @Test("what is written before the handshake is sent after it")
    func earlyWrite() throws {
        let pair = try ChannelPair(authority)
        let promise = pair.loop.makePromise(of: Void.self)
        pair.client.channel.writeAndFlush(ByteBuffer(string: "early"), promise: promise)
        try pair.pump()
        #expect(
            pair.server.recorder.events == [
                .handshake(peer: "alice"), .read("early"), .readComplete,
            ]
        )
        try promise.futureResult.wait()
        try pair.finish()
    }

    @Test("a burst of writes is one write to the socket and one read at the peer")
    func burst() throws {
        let pair = try opened()
        let before = pair.client.socket.writes.count
        let promises = (0..<3).map { _ in pair.loop.makePromise(of: Void.self) }
        for (index, promise) in promises.enumerated() {
            pair.client.channel.write(ByteBuffer(string: "part\(index) "), promise: promise)
        }
        #expect(pair.client.socket.writes.count == before)
        pair.client.channel.flush()
        // 18 bytes in one record of 22 more.
        #expect(pair.client.socket.writes.dropFirst(before) == [18 + 22])
        try pair.pump()
        #expect(
            pair.server.recorder.events.dropFirst() == [.read("part0 part1 part2 "), .readComplete]
        )
        for promise in promises { try promise.futureResult.wait() }
        try pair.finish()
    }

    @Test("an empty write succeeds and sends nothing")
    func emptyWrite() throws {
        let pair = try opened()
        let before = pair.client.socket.writes.count
        let promise = pair.loop.makePromise(of: Void.self)
        pair.client.channel.writeAndFlush(ByteBuffer(), promise: promise)
        try pair.pump()
        try promise.futureResult.wait()
        #expect(pair.client.socket.writes.count == before)
        try pair.finish()
    }

    @Test("all that one read of the socket brought goes up at once")
    func drained() throws {
        let pair = try opened()
        for index in 0..<5 {
            try pair.client.channel.writeAndFlush(ByteBuffer(string: "\(index)")).wait()
        }
        while let bytes = try pair.client.channel.readOutbound(as: ByteBuffer.self) {
            pair.server.channel.pipeline.fireChannelRead(bytes)
        }
        #expect(pair.server.recorder.text.isEmpty)
        pair.server.channel.pipeline.fireChannelReadComplete()
        #expect(pair.server.recorder.events.dropFirst() == [.read("01234"), .readComplete])
        try pair.finish()
    }

    @Test("a part of a record asks for more instead of going up")
    func partialRecord() throws {
        let pair = try opened()
        try pair.client.channel.writeAndFlush(ByteBuffer(string: "hello")).wait()
        var bytes = try #require(try pair.client.channel.readOutbound(as: ByteBuffer.self))
        let head = try #require(bytes.readSlice(length: 10) as ByteBuffer?)
        let before = pair.server.socket.reads
        try pair.server.channel.writeInbound(head)
        #expect(pair.server.socket.reads > before)
        #expect(pair.server.recorder.text.isEmpty)
        try pair.server.channel.writeInbound(bytes)
        #expect(pair.server.recorder.text == "hello")
        try pair.finish()
    }

    @Test("plaintext that arrived is all that is read: nothing is asked for behind it")
    func noReadAhead() throws {
        let pair = try opened()
        try pair.server.channel.setOption(.autoRead, value: false).wait()
        let before = pair.server.socket.reads
        try pair.client.channel.writeAndFlush(ByteBuffer(string: "hello")).wait()
        try pair.pump()
        #expect(pair.server.recorder.text == "hello")
        #expect(pair.server.socket.reads == before)
        try pair.finish()
    }

    @Test("a handshake that takes too long fails, and a moment less is no failure")
    func handshakeDeadline() throws {
        let pair = try ChannelPair(authority)
        pair.loop.advanceTime(by: TLSLimits.handshakeTimeout - .nanoseconds(1))
        #expect(pair.server.recorder.events.isEmpty)
        pair.loop.advanceTime(by: .nanoseconds(1))
        #expect(pair.server.recorder.events == [.error(.handshakeTimeout), .inactive])
        #expect(!pair.server.channel.isActive)
        try pair.finish()
    }

    @Test("the deadline ends with the handshake")
    func deadlineEnds() throws {
        let pair = try opened()
        pair.loop.advanceTime(by: .hours(1))
        #expect(pair.server.channel.isActive && pair.client.channel.isActive)
        try pair.finish()
    }

    @Test("a hello that cannot be is answered with an alert, which the peer has time to read")
    func malformedHello() throws {
        let pair = try ChannelPair(authority)
        // A handshake record with a ClientHello of one byte.
        let hello = ByteBuffer(bytes: [0x16, 3, 1, 0, 5, 1, 0, 0, 1, 0])
        _ = try? pair.server.channel.writeInbound(hello)
        #expect(pair.server.recorder.events == [.error(.handshakeFailed)])
        // A record with an alert: 5 bytes and 2.
        #expect(pair.server.socket.writes == [7])
        // What follows is dropped, and does not shorten the time to read the alert.
        _ = try? pair.server.channel.writeInbound(ByteBuffer(string: "more"))
        pair.loop.advanceTime(by: TLSLimits.closeTimeout - .nanoseconds(1))
        #expect(pair.server.channel.isActive)
        pair.loop.advanceTime(by: .nanoseconds(1))
        #expect(!pair.server.channel.isActive)
        #expect(pair.server.recorder.events == [.error(.handshakeFailed), .inactive])
        try pair.finish()
    }

    @Test("plain HTTP gets no alert, and the channel closes at once")
    func plainHTTP() throws {
        let pair = try ChannelPair(authority)
        _ = try? pair.server.channel.writeInbound(ByteBuffer(string: "GET / HTTP/1.1\r\n\r\n"))
        #expect(pair.server.recorder.events == [.error(.handshakeFailed), .inactive])
        #expect(pair.server.socket.writes.isEmpty)
        try pair.finish()
    }

    @Test("a refused client hears of it, and its writes fail")
    func refusedClient() throws {
        let other = try TestAuthority()
        try other.write(authority.authority.certificatePEM(), to: "ca.pem")
        let loop = EmbeddedEventLoop()
        let recorder = EventRecorder()
        let client = EmbeddedChannel(loop: loop)
        try client.pipeline.syncOperations.addHandlers([
            TLSHandler(
                context: other.clientContext(),
                role: .client(hostname: "localhost")
            ), recorder,
        ])
        try client.connect(to: SocketAddress(unixDomainSocketPath: "/client")).wait()
        let pair = try ChannelPair(authority)
        for _ in 0..<4 {
            while let bytes = try client.readOutbound(as: ByteBuffer.self) {
                _ = try? pair.server.channel.writeInbound(bytes)
            }
            while let bytes = try pair.server.channel.readOutbound(as: ByteBuffer.self) {
                _ = try? client.writeInbound(bytes)
            }
        }
        #expect(pair.server.recorder.events == [.error(.untrustedPeer)])
        #expect(recorder.errors == [.peerAlert])
        #expect(!client.isActive)
        #expect(throws: (any Error).self) {
            try client.writeAndFlush(ByteBuffer(string: "x")).wait()
        }
        _ = try? client.finish(acceptAlreadyClosed: true)
        try pair.finish()
    }

    @Test("other events pass through")
    func otherEvents() throws {
        let pair = try opened()
        let catcher = EventCatcher()
        try pair.server.channel.pipeline.syncOperations.addHandler(catcher)
        pair.server.channel.pipeline.fireUserInboundEventTriggered("event")
        #expect(catcher.count == 1)
        try pair.finish()
    }

    @Test("a close in the event is obeyed: what was flushed is sent, what was not fails")
    func closeInEvent() throws {
        let pair = try ChannelPair(authority)
        pair.client.recorder.onEvent = { event, context in
            if case .handshake = event { context.close(promise: nil) }
        }
        let flushed = pair.loop.makePromise(of: Void.self)
        pair.client.channel.writeAndFlush(ByteBuffer(string: "early"), promise: flushed)
        let unflushed = pair.loop.makePromise(of: Void.self)
        pair.client.channel.write(ByteBuffer(string: "never"), promise: unflushed)
        try pair.pump()
        try flushed.futureResult.wait()
        #expect(throws: ChannelError.ioOnClosedChannel) { try unflushed.futureResult.wait() }
        #expect(pair.server.recorder.text == "early")
        #expect(pair.server.recorder.events.last == .inputClosed)
        try pair.finish()
    }
}

/// Counts events that are strings.
private final class EventCatcher: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    var count = 0

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is String { count += 1 }
    }
}
