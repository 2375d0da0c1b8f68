import NIOCore
import NIOEmbedded
import Testing

@testable import TLS

/// Gives turns when the test says.
private final class ManualTurns: TurnQueue {
    private(set) var waiting: [any TurnTaker] = []

    func take(_ taker: any TurnTaker) { waiting.append(taker) }

    func wait(_ taker: any TurnTaker) { waiting.append(taker) }

    func giveOne() {
        guard !waiting.isEmpty else { return }
        waiting.removeFirst().takeTurn()
    }
}

@Suite("Turns of the TLS handler")
struct TLSHandlerTurnTests {
    private let authority: TestAuthority
    private let turns = ManualTurns()

    init() throws {
        authority = try TestAuthority()
    }

    private func opened() throws -> ChannelPair {
        let pair = try ChannelPair(authority, turns: turns)
        try pair.pump()
        turns.giveOne()
        try pair.pump()
        return pair
    }

    private func received(_ pair: ChannelPair) -> Int {
        pair.server.recorder.events.reduce(0) { count, event in
            if case .read(let text) = event { count + text.utf8.count } else { count }
        }
    }

    /// One byte in each record, as one read of the server's socket.
    private func sendRecords(_ count: Int, _ pair: ChannelPair) throws {
        for _ in 0..<count {
            pair.client.channel.writeAndFlush(ByteBuffer(string: "x"), promise: nil)
        }
        pair.loop.run()
        var bytes = ByteBuffer()
        while var part = try pair.client.channel.readOutbound(as: ByteBuffer.self) {
            bytes.writeBuffer(&part)
        }
        _ = try? pair.server.channel.writeInbound(bytes)
    }

    @Test("a handshake starts with its turn, and is asked for once")
    func handshake() throws {
        let pair = try ChannelPair(authority, turns: turns)
        try pair.pump()
        #expect(turns.waiting.count == 1)
        #expect(pair.server.recorder.events.isEmpty)
        turns.giveOne()
        try pair.pump()
        #expect(pair.server.recorder.events.contains(.handshake(peer: "alice")))
        #expect(turns.waiting.isEmpty)
        try pair.finish()
    }

    @Test("a handshake's progress is reported stage by stage")
    func progress() throws {
        let pair = try ChannelPair(authority, turns: turns)
        try pair.pump()
        #expect(pair.server.recorder.progress == [.received])
        turns.giveOne()
        #expect(pair.server.recorder.progress == [.received, .began, .answered])
        try pair.pump()
        #expect(pair.server.recorder.progress.count == 3)
        #expect(pair.client.recorder.progress.isEmpty)
        try pair.finish()
    }

    @Test("a ClientHello may come one byte at a time, before its turn and after")
    func pieces() throws {
        let pair = try ChannelPair(authority, turns: turns)
        pair.loop.run()
        var hello = try #require(try pair.client.channel.readOutbound(as: ByteBuffer.self))
        for index in 0..<hello.readableBytes {
            if index == 100 { turns.giveOne() }
            let byte = hello.readSlice(length: 1) ?? ByteBuffer()
            try pair.server.channel.writeInbound(byte)
        }
        #expect(turns.waiting.isEmpty)
        try pair.pump()
        #expect(pair.server.recorder.events.contains(.handshake(peer: "alice")))
        try pair.finish()
    }

    @Test("a handshake whose peer leaves before its turn is forgotten")
    func left() throws {
        let pair = try ChannelPair(authority, turns: turns)
        try pair.pump()
        pair.server.channel.pipeline.fireChannelInactive()
        turns.giveOne()
        #expect(!pair.server.recorder.events.contains(.handshake(peer: "alice")))
        try pair.finish()
    }

    @Test("as many records as a turn has are decrypted at once, the others in later turns")
    func records() throws {
        let pair = try opened()
        try sendRecords(TLSLimits.maxRecordsPerTurn, pair)
        #expect(received(pair) == TLSLimits.maxRecordsPerTurn)
        #expect(turns.waiting.isEmpty)
        try sendRecords(2 * TLSLimits.maxRecordsPerTurn + 1, pair)
        for turn in 2...3 {
            #expect(received(pair) == turn * TLSLimits.maxRecordsPerTurn)
            #expect(turns.waiting.count == 1)
            turns.giveOne()
        }
        #expect(received(pair) == 3 * TLSLimits.maxRecordsPerTurn + 1)
        #expect(turns.waiting.isEmpty)
        try pair.finish()
    }

    @Test("nothing is read from the socket while records wait for a turn")
    func reading() throws {
        let pair = try opened()
        try sendRecords(TLSLimits.maxRecordsPerTurn + 1, pair)
        let reads = pair.server.socket.reads
        pair.server.channel.read()
        #expect(pair.server.socket.reads == reads)
        turns.giveOne()
        #expect(pair.server.socket.reads == reads + 1)
        try pair.finish()
    }

    @Test("records that wait for a turn go up before the socket's end")
    func end() throws {
        let pair = try opened()
        let count = 2 * TLSLimits.maxRecordsPerTurn + 1
        try sendRecords(count, pair)
        pair.server.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        #expect(received(pair) == count)
        turns.giveOne()
        #expect(received(pair) == count)
        try pair.finish()
    }
}
