import NIOCore
import NIOEmbedded
import Testing

@testable import TLS

@Suite("How the TLS handler closes")
struct TLSHandlerClosingTests {
    let authority: TestAuthority

    init() throws {
        authority = try TestAuthority()
    }

    private func opened() throws -> ChannelPair {
        let pair = try ChannelPair(authority)
        try pair.pump()
        return pair
    }

    @Test("the peer's close_notify leaves our side open")
    func peerHalfCloses() throws {
        let pair = try opened()
        try pair.client.channel.writeAndFlush(ByteBuffer(string: "question")).wait()
        try pair.client.channel.close(mode: .output).wait()
        try pair.pump()
        #expect(
            pair.server.recorder.events.dropFirst()
                == [.read("question"), .readComplete, .inputClosed]
        )
        #expect(pair.server.channel.isActive && pair.client.channel.isActive)
        try pair.server.channel.writeAndFlush(ByteBuffer(string: "answer")).wait()
        try pair.pump()
        #expect(pair.client.recorder.text == "answer")
        #expect(throws: ChannelError.outputClosed) {
            try pair.client.channel.writeAndFlush(ByteBuffer(string: "x")).wait()
        }
        // The server is done too: both channels close, with no error anywhere.
        let closed = pair.server.channel.close()
        try pair.pump()
        try closed.wait()
        #expect(!pair.server.channel.isActive && !pair.client.channel.isActive)
        #expect(pair.client.recorder.events.suffix(2) == [.inputClosed, .inactive])
        #expect(pair.client.recorder.errors.isEmpty && pair.server.recorder.errors.isEmpty)
        try pair.finish()
    }

    @Test("closing sends what was flushed, then close_notify, then waits for the peer's")
    func orderlyClose() throws {
        let pair = try opened()
        pair.client.channel.writeAndFlush(ByteBuffer(string: "last"), promise: nil)
        let dropped = pair.loop.makePromise(of: Void.self)
        pair.client.channel.write(ByteBuffer(string: "never"), promise: dropped)
        let closed = pair.client.channel.close()
        #expect(throws: ChannelError.ioOnClosedChannel) { try dropped.futureResult.wait() }
        try pair.pump()
        #expect(pair.server.recorder.text == "last")
        #expect(pair.server.recorder.events.last == .inputClosed)
        #expect(pair.client.channel.isActive)
        pair.server.channel.close(promise: nil)
        try pair.pump()
        try closed.wait()
        #expect(!pair.client.channel.isActive && !pair.server.channel.isActive)
        try pair.finish()
    }

    @Test("a peer that never answers close_notify is not waited for longer than the limit")
    func closeTimeout() throws {
        let pair = try opened()
        let closed = pair.client.channel.close()
        try pair.pump()
        pair.loop.advanceTime(by: TLSLimits.closeTimeout - .nanoseconds(1))
        #expect(pair.client.channel.isActive)
        pair.loop.advanceTime(by: .nanoseconds(1))
        #expect(!pair.client.channel.isActive)
        try closed.wait()
        #expect(pair.client.recorder.errors.isEmpty)
        try pair.finish()
    }

    @Test("a peer that takes no bytes is not waited for longer than the limit")
    func closeWriteTimeout() throws {
        let pair = try opened()
        pair.client.socket.holdsWrites = true
        let closed = pair.client.channel.close()
        pair.loop.advanceTime(by: TLSLimits.closeWriteTimeout - .nanoseconds(1))
        #expect(pair.client.channel.isActive)
        pair.loop.advanceTime(by: .nanoseconds(1))
        #expect(!pair.client.channel.isActive)
        try closed.wait()
        pair.client.socket.release()
        try pair.finish()
    }

    @Test("a peer that is done does not cut off what is still on its way to it")
    func slowLastBytes() throws {
        let pair = try opened()
        try pair.client.channel.close(mode: .output).wait()
        try pair.pump()
        pair.server.socket.holdsWrites = true
        pair.server.channel.writeAndFlush(ByteBuffer(string: "answer"), promise: nil)
        pair.server.channel.close(promise: nil)
        pair.loop.run()
        #expect(pair.server.channel.isActive)
        pair.server.socket.release()
        pair.loop.run()
        #expect(!pair.server.channel.isActive)
        try pair.finish()
    }

    @Test("closing twice completes both promises")
    func closeTwice() throws {
        let pair = try opened()
        let first = pair.client.channel.close()
        let second = pair.client.channel.close()
        try pair.pump()
        pair.loop.advanceTime(by: TLSLimits.closeTimeout)
        try first.wait()
        try second.wait()
        try pair.finish()
    }

    @Test("what arrives while closing is not for the application")
    func readWhileClosing() throws {
        let pair = try opened()
        pair.client.channel.close(promise: nil)
        try pair.server.channel.writeAndFlush(ByteBuffer(string: "late")).wait()
        try pair.pump()
        #expect(pair.client.recorder.text.isEmpty)
        try pair.finish()
    }

    @Test("an end without close_notify is a truncation, after all that came before it")
    func truncatedByHangUp() throws {
        let pair = try opened()
        try pair.client.channel.writeAndFlush(ByteBuffer(string: "hello")).wait()
        try pair.pump()
        pair.server.channel.pipeline.fireChannelInactive()
        #expect(
            pair.server.recorder.events.dropFirst()
                == [.read("hello"), .readComplete, .error(.truncated), .inactive]
        )
        try pair.finish()
    }

    @Test("what was decrypted when the end comes still goes up, before the error")
    func undelivered() throws {
        let pair = try opened()
        try pair.client.channel.writeAndFlush(ByteBuffer(string: "hello")).wait()
        let bytes = try #require(try pair.client.channel.readOutbound(as: ByteBuffer.self))
        pair.server.channel.pipeline.fireChannelRead(bytes)
        pair.server.channel.pipeline.fireChannelInactive()
        #expect(
            pair.server.recorder.events.dropFirst()
                == [.read("hello"), .readComplete, .error(.truncated), .inactive]
        )
        try pair.finish()
    }

    @Test("what was decrypted before a close and not yet read is dropped")
    func closedBeforeDelivery() throws {
        let pair = try opened()
        try pair.client.channel.writeAndFlush(ByteBuffer(string: "hello")).wait()
        let bytes = try #require(try pair.client.channel.readOutbound(as: ByteBuffer.self))
        pair.server.channel.pipeline.fireChannelRead(bytes)
        pair.server.channel.close(promise: nil)
        pair.server.channel.pipeline.fireChannelReadComplete()
        #expect(pair.server.recorder.text.isEmpty)
        try pair.finish()
    }

    @Test("a socket whose input ends without close_notify is a truncation, and closes")
    func truncatedByHalfClose() throws {
        let pair = try opened()
        pair.server.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        pair.loop.run()
        #expect(pair.server.recorder.events.dropFirst() == [.error(.truncated), .inactive])
        #expect(!pair.server.channel.isActive)
        try pair.finish()
    }

    @Test("a peer that leaves during the handshake is a truncation")
    func truncatedHandshake() throws {
        let pair = try ChannelPair(authority)
        pair.server.channel.pipeline.fireChannelInactive()
        #expect(pair.server.recorder.events == [.error(.truncated), .inactive])
        try pair.finish()
    }

    @Test("the socket's end after close_notify says nothing new")
    func endAfterCloseNotify() throws {
        let pair = try opened()
        try pair.client.channel.close(mode: .output).wait()
        try pair.pump()
        pair.server.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        #expect(pair.server.recorder.events.dropFirst() == [.inputClosed])
        #expect(pair.server.channel.isActive)
        try pair.finish()
    }

    @Test("closing during the handshake closes at once")
    func closeDuringHandshake() throws {
        let pair = try ChannelPair(authority)
        let waiting = pair.loop.makePromise(of: Void.self)
        pair.client.channel.writeAndFlush(ByteBuffer(string: "early"), promise: waiting)
        try pair.client.channel.close().wait()
        #expect(throws: ChannelError.ioOnClosedChannel) { try waiting.futureResult.wait() }
        #expect(pair.client.recorder.events == [.inactive])
        try pair.finish()
    }

    @Test("closing the input alone is refused")
    func closeInput() throws {
        let pair = try opened()
        #expect(throws: ChannelError.operationUnsupported) {
            try pair.client.channel.close(mode: .input).wait()
        }
        #expect(pair.client.channel.isActive)
        try pair.finish()
    }

    @Test("a channel that closes underneath fails what waited")
    func closedUnderneath() throws {
        let pair = try ChannelPair(authority)
        let waiting = pair.loop.makePromise(of: Void.self)
        pair.client.channel.writeAndFlush(ByteBuffer(string: "early"), promise: waiting)
        let socket = try pair.client.channel.pipeline.syncOperations.context(
            handler: pair.client.socket
        )
        socket.close(promise: nil)
        #expect(throws: ChannelError.ioOnClosedChannel) { try waiting.futureResult.wait() }
        try pair.finish()
    }
}
