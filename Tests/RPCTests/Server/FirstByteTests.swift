import Logging
import Metrics
import NIOCore
import NIOEmbedded
import Testing
import Wire

@testable import RPC

@Suite("The first byte")
struct FirstByteTests {
    /// A binding whose handler keeps what it gets.
    private final class Taker: ConnectionBinding, @unchecked Sendable {
        final class Handler: ChannelInboundHandler, BoundConnection {
            typealias InboundIn = ByteBuffer

            var received = ""
            var isDrained = false
            var isEnded = false

            func channelRead(context: ChannelHandlerContext, data: NIOAny) {
                received += String(buffer: unwrapInboundIn(data))
            }

            func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
                if case .some(.inputClosed) = event as? ChannelEvent { isEnded = true }
            }

            func drain() { isDrained = true }
        }

        struct Full: Error {}

        let handler = Handler()
        var taken: TakenConnection?
        var refuses = false

        func takeOver(_ connection: TakenConnection) throws -> any BoundConnection {
            if refuses { throw Full() }
            taken = connection
            try connection.channel.pipeline.syncOperations.addHandler(handler)
            return handler
        }
    }

    private let channel = EmbeddedChannel()
    private let taker = Taker()
    private let meter = ConnectionMeter()
    private let table: ConnectionTable
    private let link: ConnectionLink

    init() throws {
        table = ConnectionTable(limits: RPCLimits(), meter: meter)
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        link = ConnectionLink(eventLoop: channel.eventLoop, logger: logger)
        #expect(table.add(link, handshakes: false, speaks: .undecided) == .admitted)
        var limits = RPCLimits()
        // The simulated clock stands still during a turn.
        limits.turnTime = .zero
        let frames = ServerConnectionHandler(
            router: try Router(methods: TestMethods.all(holding: HeldCalls())),
            limits: limits,
            link: link,
            principal: .certificate("alice"),
            connections: table
        )
        try channel.pipeline.syncOperations.addHandlers([
            FirstByteHandler(frames: frames, binding: taker, connections: table), frames,
        ])
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    }

    private func receive(_ bytes: ByteBuffer) throws {
        try channel.writeInbound(bytes)
        channel.embeddedEventLoop.run()
    }

    private func receiveOneByOne(_ bytes: ByteBuffer) throws {
        for byte in bytes.readableBytesView { try receive(ByteBuffer(bytes: [byte])) }
    }

    private func replies() throws -> [Reply] {
        var bytes = ByteBuffer()
        while var part = try channel.readOutbound(as: ByteBuffer.self) { bytes.writeBuffer(&part) }
        return try Reply.all(in: bytes)
    }

    private var hasFirstByteHandler: Bool {
        (try? channel.pipeline.syncOperations.handler(type: FirstByteHandler.self)) != nil
    }

    private var hasFrameHandler: Bool {
        (try? channel.pipeline.syncOperations.handler(type: ServerConnectionHandler.self)) != nil
    }

    @Test("a 0 is a frame: nothing stands before its handler any more", arguments: [true, false])
    func frame(oneByOne: Bool) throws {
        #expect(meter.figures.open == [.undecided: 1])
        let bytes = Frames.request(1, payload: ByteBuffer(string: "hi"))
        try oneByOne ? receiveOneByOne(bytes) : receive(bytes)
        #expect(try replies().map(\.text) == ["hi"])
        #expect(!hasFirstByteHandler)
        #expect(taker.taken == nil)
        #expect(meter.figures.open == [.undecided: 0, .ttrpc: 1])
    }

    @Test("a letter is the binding's, with all bytes and the principal", arguments: [true, false])
    func letter(oneByOne: Bool) throws {
        let bytes = ByteBuffer(string: "GET / HTTP/1.1")
        try oneByOne ? receiveOneByOne(bytes) : receive(bytes)
        #expect(taker.handler.received == "GET / HTTP/1.1")
        #expect(taker.taken?.principal == .certificate("alice"))
        #expect(!hasFirstByteHandler)
        #expect(!hasFrameHandler)
        #expect(meter.figures.open == [.undecided: 0, .http: 1])
        #expect(table.count == 1)
    }

    @Test("the binding gets a long read in pieces, and other connections their turn between them")
    func pieces() throws {
        let text = "G" + String(repeating: "x", count: 3 * InputTurns.pieceBytes)
        try receive(ByteBuffer(string: text))
        #expect(taker.handler.received.utf8.count == InputTurns.pieceBytes)
        // The peer's end comes after its input.
        channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        for round in 2...4 {
            #expect(!taker.handler.isEnded)
            channel.embeddedEventLoop.advanceTime(by: LoopTurns.pauseTime)
            let expected = min(text.utf8.count, round * InputTurns.pieceBytes)
            #expect(taker.handler.received.utf8.count == expected)
        }
        #expect(taker.handler.received == text)
        #expect(taker.handler.isEnded)
    }

    @Test("every letter is, and no other byte")
    func bytes() {
        let letters = (0...255).filter { FirstByteHandler.beginsHTTP(UInt8($0)) }
        #expect(letters == Array(0x41...0x5A) + Array(0x61...0x7A))
    }

    @Test("another byte ends the connection", arguments: [1, 0x16, 0x2F, 0x40, 0x5B, 0x7B, 0xFF])
    func otherByte(byte: UInt8) throws {
        try receive(ByteBuffer(bytes: [byte]))
        #expect(!channel.isActive)
        #expect(taker.taken == nil)
        #expect(table.count == 0)
        #expect(meter.figures.open == [.undecided: 0, .ttrpc: 0])
    }

    @Test("an empty read decides nothing")
    func emptyRead() throws {
        try receive(ByteBuffer())
        #expect(hasFirstByteHandler)
        try receive(ByteBuffer(string: "G"))
        #expect(taker.handler.received == "G")
    }

    @Test("a connection of the binding is struck out when it closes")
    func closing() throws {
        try receive(ByteBuffer(string: "G"))
        try channel.close().wait()
        channel.embeddedEventLoop.run()
        #expect(table.count == 0)
        #expect(meter.figures.open == [.undecided: 0, .http: 0])
    }

    @Test("a connection of the binding is told to drain, and is cut")
    func draining() throws {
        try receive(ByteBuffer(string: "G"))
        table.drain()
        channel.embeddedEventLoop.run()
        #expect(taker.handler.isDrained)
        #expect(channel.isActive)
        table.cut()
        channel.embeddedEventLoop.run()
        #expect(!channel.isActive)
        #expect(table.count == 0)
    }

    @Test("a connection that the binding does not take is closed and struck out")
    func refused() throws {
        taker.refuses = true
        #expect(throws: Taker.Full.self) { try receive(ByteBuffer(string: "G")) }
        channel.embeddedEventLoop.run()
        #expect(!channel.isActive)
        #expect(table.count == 0)
    }

    @Test("a connection without a byte is drained as one of frames")
    func drainingWithoutAByte() throws {
        table.drain()
        channel.embeddedEventLoop.run()
        #expect(!channel.isActive)
        #expect(table.count == 0)
    }

    @Test("handshakes are counted once, as they end")
    func handshakes() {
        let other = ConnectionLink(eventLoop: channel.eventLoop, logger: link.logger)
        #expect(table.add(other, handshakes: true) == .admitted)
        _ = table.handshakeEnded(other, isAnonymous: false)
        _ = table.handshakeEnded(other, isAnonymous: false)
        table.remove(other)
        let failing = ConnectionLink(eventLoop: channel.eventLoop, logger: link.logger)
        #expect(table.add(failing, handshakes: true) == .admitted)
        table.remove(failing)
        table.remove(failing)
        #expect(meter.figures.handshakes == 1)
        #expect(meter.figures.failedHandshakes == 1)
        #expect(meter.figures.accepted == 3)
    }
}
