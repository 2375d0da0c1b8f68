import NIOCore
import NIOEmbedded

@testable import TLS

/// A client's and a server's channel on one simulated loop, joined by hand.
final class ChannelPair {
    struct Side {
        let channel: EmbeddedChannel
        let handler: TLSHandler
        let recorder: EventRecorder
        let socket: SocketSide
    }

    let loop = EmbeddedEventLoop()
    let client: Side
    let server: Side

    init(
        _ authority: TestAuthority,
        identity: String? = "client",
        hostname: String = "localhost",
        turns: (any TurnQueue)? = nil
    ) throws {
        server = try Self.side(
            loop,
            TLSHandler(context: authority.serverContext(), role: .server, turns: turns)
        )
        client = try Self.side(
            loop,
            TLSHandler(
                context: authority.clientContext(identity: identity),
                role: .client(hostname: hostname)
            )
        )
        try server.channel.connect(to: SocketAddress(unixDomainSocketPath: "/server")).wait()
        try client.channel.connect(to: SocketAddress(unixDomainSocketPath: "/client")).wait()
    }

    private static func side(_ loop: EmbeddedEventLoop, _ handler: TLSHandler) throws -> Side {
        let socket = SocketSide()
        let recorder = EventRecorder()
        let channel = EmbeddedChannel(loop: loop)
        try channel.pipeline.syncOperations.addHandlers([socket, handler, recorder])
        return Side(channel: channel, handler: handler, recorder: recorder, socket: socket)
    }

    /// Moves ciphertext until both sides are quiet.
    func pump() throws {
        var isMoving = true
        while isMoving {
            isMoving = false
            for (sender, receiver) in [(client, server), (server, client)] {
                loop.run()
                while let bytes = try sender.channel.readOutbound(as: ByteBuffer.self) {
                    guard receiver.channel.isActive, bytes.readableBytes > 0 else { continue }
                    isMoving = true
                    // Errors are in the recorder; the channel throws them once more.
                    _ = try? receiver.channel.writeInbound(bytes)
                }
            }
        }
        loop.run()
    }

    /// Closes what is still open, and waits (in simulated time) as long as a close may take.
    func finish() throws {
        for side in [client, server] where side.channel.isActive {
            side.channel.close(promise: nil)
        }
        try pump()
        loop.advanceTime(by: TLSLimits.closeWriteTimeout + TLSLimits.closeTimeout)
        for side in [client, server] {
            _ = try? side.channel.finish(acceptAlreadyClosed: true)
        }
    }
}
