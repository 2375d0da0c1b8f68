import Logging
import NIOCore
import NIOEmbedded
import Wire

@testable import RPC

/// A server's connection on an embedded channel, with a socket that can be stopped.
final class EmbeddedServer {
    let channel = EmbeddedChannel()
    let socket = StoppableSocket()
    let calls = HeldCalls()
    let logs = LogRecorder()

    init(
        limits: RPCLimits = EmbeddedServer.wholeReads,
        principal: Principal = .anonymous,
        methods: [RPC.Method] = [],
        interceptors: [any Interceptor] = [],
        held: HeldReplies? = nil
    ) throws {
        let held = held ?? HeldReplies(limits: limits)
        self.held = held
        router = try Router(
            methods: TestMethods.all(holding: calls) + methods,
            interceptors: interceptors
        )
        let link = ConnectionLink(
            eventLoop: channel.eventLoop,
            logger: Logger(label: "test") { [logs] _ in logs },
            limits: limits
        )
        let handler = ServerConnectionHandler(
            router: router,
            limits: limits,
            link: link,
            principal: principal,
            connections: nil,
            held: held
        )
        self.handler = handler
        try channel.pipeline.syncOperations.addHandlers([socket, handler])
        self.link = link
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    }

    /// Limits under which each read is looked at in one turn.
    static var wholeReads: RPCLimits {
        var limits = RPCLimits()
        limits.maxFramesPerTurn = 100_000
        return limits
    }

    let link: ConnectionLink
    let router: Router
    let handler: ServerConnectionHandler
    let held: HeldReplies

    /// Brings bytes in as one read of the socket.
    func receive(_ frames: ByteBuffer...) throws {
        try channel.writeInbound(Frames.joined(frames))
        channel.embeddedEventLoop.run()
    }

    /// What was sent since it was last asked.
    func replies() throws -> [Reply] {
        channel.embeddedEventLoop.run()
        return try Reply.all(in: sent())
    }

    func sent() throws -> ByteBuffer {
        var bytes = ByteBuffer()
        while var part = try channel.readOutbound(as: ByteBuffer.self) { bytes.writeBuffer(&part) }
        return bytes
    }

    func advance(by time: TimeAmount) {
        channel.embeddedEventLoop.advanceTime(by: time)
    }

    var isOpen: Bool { channel.isActive }
}

/// Stands for the socket: counts what reaches it, and may stop taking bytes.
final class StoppableSocket: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private(set) var flushes = 0
    private(set) var reads = 0
    private(set) var writes = 0
    var isStopped = false

    func flush(context: ChannelHandlerContext) {
        flushes += 1
        if !isStopped { context.flush() }
    }

    func read(context: ChannelHandlerContext) {
        reads += 1
        context.read()
    }

    func write(
        context: ChannelHandlerContext,
        data: NIOAny,
        promise: EventLoopPromise<Void>?
    ) {
        writes += 1
        context.write(data, promise: promise)
    }
}
