import NIOCore
import NIOPosix
import Testing

@testable import TLS

@Suite("TLS over a real socket")
struct LoopbackTests {
    let authority: TestAuthority

    init() throws {
        authority = try TestAuthority()
    }

    @Test("ten megabytes come back as they were sent, and both sides close in order")
    func largeTransfer() async throws {
        let server = try await LiveServer(authority.serverContext())
        let sent = ByteBuffer(bytes: (0..<10_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) })
        let client = try await connect(
            to: server,
            authority.clientContext(),
            hostname: "127.0.0.1",
            sending: sent
        )
        // The half-close: the server has answered everything before it closes too.
        #expect(try await client.received.get() == sent)
        try await client.channel.closeFuture.get()
        let outcome = try await server.outcome.get()
        #expect(outcome.error == nil)
        #expect(outcome.peer == "alice")
        try await server.stop()
    }

    @Test("a client that trusts another authority fails, and the server says why")
    func refusedServer() async throws {
        let server = try await LiveServer(authority.serverContext())
        let other = try TestAuthority()
        let client = try await connect(
            to: server,
            other.clientContext(),
            hostname: "localhost",
            sending: ByteBuffer()
        )
        await #expect(throws: TLSError(.untrustedPeer, "")) {
            try await client.received.get()
        }
        try await client.channel.closeFuture.get()
        #expect(try await server.outcome.get().error?.code == .peerAlert)
        try await server.stop()
    }

    private func connect(
        to server: LiveServer,
        _ context: TLSContext,
        hostname: String,
        sending bytes: ByteBuffer
    ) async throws -> (channel: any Channel, received: EventLoopFuture<ByteBuffer>) {
        let group = MultiThreadedEventLoopGroup.singleton
        let received = group.next().makePromise(of: ByteBuffer.self)
        let channel = try await ClientBootstrap(group: group)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandlers([
                        TLSHandler(context: context, role: .client(hostname: hostname)),
                        HalfClosingClient(sending: bytes, received),
                    ])
                }
            }
            .connect(host: "127.0.0.1", port: server.port).get()
        return (channel, received.futureResult)
    }
}

/// Sends bytes in pieces of all sizes, the first before the handshake; closes its output; gathers
/// what comes until the peer's close_notify.
private final class HalfClosingClient: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let promise: EventLoopPromise<ByteBuffer>
    private var rest: ByteBuffer
    private var bytes = ByteBuffer()

    init(sending bytes: ByteBuffer, _ promise: EventLoopPromise<ByteBuffer>) {
        rest = bytes
        self.promise = promise
    }

    func channelActive(context: ChannelHandlerContext) {
        send(context, atMost: 1000)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        bytes.writeImmutableBuffer(unwrapInboundIn(data))
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case is TLSHandshakeCompleted:
            var size = 1
            while rest.readableBytes > 0 {
                send(context, atMost: size)
                size = min(size * 3, 1_500_000)
            }
            context.close(mode: .output, promise: nil)
        case ChannelEvent.inputClosed:
            promise.succeed(bytes)
        default:
            break
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        promise.fail(error)
    }

    func channelInactive(context: ChannelHandlerContext) {
        promise.fail(ChannelError.eof)
    }

    private func send(_ context: ChannelHandlerContext, atMost size: Int) {
        guard let piece = rest.readSlice(length: min(size, rest.readableBytes)) else { return }
        context.writeAndFlush(wrapOutboundOut(piece), promise: nil)
    }
}
