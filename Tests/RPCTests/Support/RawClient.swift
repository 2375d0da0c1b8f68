import NIOCore
import NIOPosix
import TLS

/// A peer that sends and receives bytes, with TLS or without, and knows nothing of frames.
struct RawClient {
    private let channel: any Channel
    private let received: EventLoopFuture<ByteBuffer>

    static func connect(
        port: Int,
        tls: TLSContext? = nil,
        group: any EventLoopGroup
    ) async throws -> RawClient {
        try await connect(group, tls) { try await $0.connect(host: "127.0.0.1", port: port).get() }
    }

    static func connect(unixSocket path: String, group: any EventLoopGroup) async throws
        -> RawClient
    {
        try await connect(group) { try await $0.connect(unixDomainSocketPath: path).get() }
    }

    private static func connect(
        _ group: any EventLoopGroup,
        _ tls: TLSContext? = nil,
        _ open: (ClientBootstrap) async throws -> any Channel
    ) async throws -> RawClient {
        let bootstrap = ClientBootstrap(group: group)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let promise = channel.eventLoop.makePromise(of: ByteBuffer.self)
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(Breaker())
                    if let tls {
                        let role = TLSRole.client(hostname: "127.0.0.1")
                        try pipeline.addHandler(TLSHandler(context: tls, role: role))
                    }
                    try pipeline.addHandler(Collector(promise))
                }
            }
        let channel = try await open(bootstrap)
        let received = channel.eventLoop.flatSubmit {
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.handler(type: Collector.self).promise
            }.flatMap(\.futureResult)
        }
        return RawClient(channel: channel, received: received)
    }

    func send(_ frames: ByteBuffer...) async throws {
        try await channel.writeAndFlush(Frames.joined(frames))
    }

    func closeOutput() async throws {
        try await channel.close(mode: .output)
    }

    /// Closes the socket, whatever TLS would have to say first.
    func breakOff() {
        channel.pipeline.context(handlerType: Breaker.self).whenSuccess { context in
            context.close(promise: nil)
        }
    }

    /// All that came until the peer's end.
    func receiveUntilClosed() async throws -> ByteBuffer {
        try await received.get()
    }

    /// The handler next to the socket: what it closes is closed at once.
    private final class Breaker: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
    }

    private final class Collector: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        let promise: EventLoopPromise<ByteBuffer>
        private var bytes = ByteBuffer()

        init(_ promise: EventLoopPromise<ByteBuffer>) {
            self.promise = promise
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            bytes.writeImmutableBuffer(unwrapInboundIn(data))
        }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if case .some(.inputClosed) = event as? ChannelEvent { promise.succeed(bytes) }
        }

        func channelInactive(context: ChannelHandlerContext) {
            promise.succeed(bytes)
        }
    }
}
