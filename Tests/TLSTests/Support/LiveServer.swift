import NIOCore
import NIOPosix

@testable import TLS

/// A server on a free port of the loopback interface: sends back what it gets.
final class LiveServer: Sendable {
    let port: Int
    /// What the first connection came to.
    let outcome: EventLoopFuture<Outcome>
    private let channel: any Channel

    struct Outcome: Sendable {
        var peer: String?
        var isShaken = false
        var error: TLSError?
    }

    /// - Parameter farewell: a connection is closed once this came, at the end of a read.
    init(_ context: TLSContext, farewell: String = "bye\n") async throws {
        let group = MultiThreadedEventLoopGroup.singleton
        let promise = group.next().makePromise(of: Outcome.self)
        channel = try await ServerBootstrap(group: group)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandlers([
                        TLSHandler(context: context, role: .server),
                        Echo(farewell: farewell, promise: promise),
                    ])
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        port = channel.localAddress?.port ?? 0
        outcome = promise.futureResult
    }

    func stop() async throws {
        try await channel.close()
    }
}

private final class Echo: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let farewell: String
    private let promise: EventLoopPromise<LiveServer.Outcome>
    private var outcome = LiveServer.Outcome()
    private var tail: [UInt8] = []

    init(farewell: String, promise: EventLoopPromise<LiveServer.Outcome>) {
        self.farewell = farewell
        self.promise = promise
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = unwrapInboundIn(data)
        // As bytes: most of what is sent here is no text.
        let count = farewell.utf8.count
        tail = Array((tail + bytes.readableBytesView.suffix(count)).suffix(count))
        context.write(wrapOutboundOut(bytes), promise: nil)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        context.flush()
        if tail.elementsEqual(farewell.utf8) { context.close(promise: nil) }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case let event as TLSHandshakeCompleted:
            outcome.isShaken = true
            outcome.peer = event.peer?.clientName
        case ChannelEvent.inputClosed:
            context.close(promise: nil)
        default:
            break
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if outcome.error == nil { outcome.error = error as? TLSError }
    }

    func channelInactive(context: ChannelHandlerContext) {
        promise.succeed(outcome)
    }
}
