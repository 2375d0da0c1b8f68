internal import NIOCore

/// Stands before the handler of frames until a connection's first byte is there, and decides by it
/// who has the connection. Then it leaves: what comes later does not pass it.
///
/// The handler of frames is there from the beginning: a connection without a byte is drained, cut
/// and counted as one of its own.
final class FirstByteHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let frames: ServerConnectionHandler
    private let binding: any ConnectionBinding
    private let connections: ConnectionTable

    init(
        frames: ServerConnectionHandler,
        binding: any ConnectionBinding,
        connections: ConnectionTable
    ) {
        self.frames = frames
        self.binding = binding
        self.connections = connections
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard let byte = unwrapInboundIn(data).readableBytesView.first else { return }
        var bound: (any BoundConnection)?
        if Self.beginsHTTP(byte) {
            do {
                bound = try handOver(context)
            } catch {
                context.fireErrorCaught(error)
                context.close(promise: nil)
                return
            }
        } else {
            connections.decided(frames.link, .ttrpc)
        }
        let isDraining = frames.state.isDraining
        context.fireChannelRead(data)
        context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
        // What came with the first byte is answered all the same.
        if isDraining { bound?.drain() }
    }

    /// A request begins with a method: a word.
    static func beginsHTTP(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte & ~0x20)
    }

    private func handOver(_ context: ChannelHandlerContext) throws -> any BoundConnection {
        let (link, connections) = (frames.link, connections)
        frames.isHandedOver = true
        context.pipeline.syncOperations.removeHandler(frames, promise: nil)
        // The handler of frames would have struck it out.
        let (held, principal) = (frames.held, frames.principal)
        context.channel.closeFuture.whenComplete { _ in
            connections.remove(link)
            held.close(principal)
        }
        try context.pipeline.syncOperations.addHandler(
            InputTurns(link: link, turns: frames.flushes.turns, turnTime: frames.limits.turnTime)
        )
        let bound = try binding.takeOver(
            TakenConnection(
                channel: context.channel,
                principal: frames.principal,
                anonymousIdleTimeout: frames.isAnonymous
                    ? frames.limits.anonymousIdleTimeout : nil,
                logger: link.logger,
                account: frames.account
            )
        )
        link.attach(bound, on: context.channel)
        connections.decided(link, .http)
        return bound
    }
}

@available(*, unavailable)
extension FirstByteHandler: Sendable {}
