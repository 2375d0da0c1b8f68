import NIOCore
import NIOEmbedded
import Testing

@testable import TLS

@Suite("Key updates")
struct KeyUpdateTests {
    let authority: TestAuthority

    init() throws {
        authority = try TestAuthority()
    }

    /// Sends one byte under a new key and reads it.
    private func exchange(_ pair: ConnectionPair) throws -> (bytes: ByteBuffer, error: TLSError?) {
        try pair.client.updateKey()
        try pair.client.write(ByteBuffer(string: "x"))
        let result = pair.read(from: pair.client, at: pair.server)
        return (result.bytes, result.end.error)
    }

    @Test("as many as the limit are taken, one more ends the connection")
    func limit() throws {
        let pair = try ConnectionPair(authority)
        #expect(pair.shakeHands().server.isDone)
        for _ in 0..<TLSLimits.maxKeyUpdates {
            let result = try exchange(pair)
            #expect(result.error == nil && result.bytes == ByteBuffer(string: "x"))
        }
        let result = try exchange(pair)
        #expect(result.error?.code == .flood)
        #expect(result.bytes.readableBytes == 0)
    }

    @Test("a flood in one buffer stops at the limit, whatever lies behind")
    func oneBuffer() throws {
        let pair = try ConnectionPair(authority)
        #expect(pair.shakeHands().server.isDone)
        for _ in 0..<1000 {
            try pair.client.updateKey()
            try pair.client.write(ByteBuffer(string: "x"))
        }
        let result = pair.read(from: pair.client, at: pair.server)
        #expect(result.end.error?.code == .flood)
        #expect(result.bytes.readableBytes <= TLSLimits.maxKeyUpdates)
    }

    @Test("the count starts again with the next window")
    func window() throws {
        let pair = try ChannelPair(authority)
        try pair.pump()
        func flood(_ count: Int) throws {
            for _ in 0..<count {
                try pair.client.handler.connection?.updateKey()
                try pair.client.channel.writeAndFlush(ByteBuffer(string: "x")).wait()
                try pair.pump()
            }
        }
        try flood(TLSLimits.maxKeyUpdates)
        pair.loop.advanceTime(by: TLSLimits.keyUpdateWindow)
        try flood(TLSLimits.maxKeyUpdates)
        #expect(pair.server.recorder.errors.isEmpty)
        #expect(pair.server.recorder.text.count == 2 * TLSLimits.maxKeyUpdates)
        pair.loop.advanceTime(by: TLSLimits.keyUpdateWindow - .nanoseconds(1))
        try flood(1)
        #expect(pair.server.recorder.errors == [.flood])
        try pair.finish()
    }

    @Test("records are counted by their number, and the count starts again with a key")
    func recordCount() throws {
        let pair = try ConnectionPair(authority)
        #expect(pair.shakeHands().server.isDone)
        try pair.client.write(ByteBuffer(string: "x"))
        #expect(pair.client.recordsUnderKey == 1)
        try pair.client.write(ByteBuffer(repeating: 0, count: 40_000))
        #expect(pair.client.recordsUnderKey == 4)
        try pair.client.updateKey()
        #expect(pair.client.recordsUnderKey == 0)
    }
}
