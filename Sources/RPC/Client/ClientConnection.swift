package import NIOCore
internal import NIOPosix
internal import Synchronization
package import TLS
package import Text
package import Wire

/// A client's connection: any number of calls at once, answered in any order.
///
/// A connection that is lost fails all its calls with UNAVAILABLE and stays lost: whoever wants
/// another one connects anew.
package final class ClientConnection: Sendable {
    /// The longest time to connect, the handshake aside.
    package static let connectTimeout = TimeAmount.seconds(10)

    private enum Letter {
        case send(ClientCall)
        case forget(ClientCall)
    }

    private let channel: any Channel
    private let handler: NIOLoopBound<ClientConnectionHandler>
    private let mailbox = Mailbox<Letter>()
    private let maxSendBytes: Int
    private let maxReceiveBytes: Int

    private init(
        channel: any Channel,
        handler: NIOLoopBound<ClientConnectionHandler>,
        limits: RPCLimits
    ) {
        self.channel = channel
        self.handler = handler
        maxSendBytes = limits.maxSendBytes
        maxReceiveBytes = limits.maxReceiveBytes
    }

    /// Connects over TLS.
    ///
    /// - Parameters:
    ///   - host: a name or an address; the server's certificate has to name it.
    ///   - tls: a client's context.
    ///   - limits: `maxSendBytes` is what a request may have, `maxReceiveBytes` what is accepted;
    ///     a value of the latter above the default is told to the server with every call.
    /// - Throws: the error of the socket or of the handshake, ``RPCError`` for a connection that
    ///   ended before it was ready.
    package static func connect(
        host: String,
        port: Int,
        tls: TLSContext,
        group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton,
        limits: RPCLimits = RPCLimits()
    ) async throws -> ClientConnection {
        try limits.validate()
        return try await open(group, limits, usesTLS: true) { bootstrap, handlers in
            bootstrap.channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let handler = TLSHandler(
                        context: tls,
                        role: .client(hostname: host),
                        handshakeTimeout: limits.handshakeTimeout
                    )
                    try channel.pipeline.syncOperations.addHandler(handler)
                    try handlers(channel)
                }
            }
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .connect(host: host, port: port)
        }
    }

    /// Connects to a unix socket, without TLS; the kernel tells the server who this is.
    ///
    /// - Throws: the error of the socket.
    package static func connect(
        unixSocket path: String,
        group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton,
        limits: RPCLimits = RPCLimits()
    ) async throws -> ClientConnection {
        try limits.validate()
        return try await open(group, limits, usesTLS: false) { bootstrap, handlers in
            bootstrap.channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try handlers(channel) }
            }
            .connect(unixDomainSocketPath: path)
        }
    }

    /// Calls a method and waits for its reply.
    ///
    /// - Parameters:
    ///   - payload: the encoded request message.
    ///   - timeout: told to the server, and kept by this side too; nil: none.
    ///   - metadata: keys in lower case.
    /// - Returns: the encoded reply message.
    /// - Throws: the server's status; RESOURCE_EXHAUSTED for a request or a reply over the limit,
    ///   DEADLINE_EXCEEDED, UNAVAILABLE for a lost connection, CANCELLED when the task is
    ///   cancelled. The protocol has no cancellation: the server may go on with such a call.
    package func call(
        service: String,
        method: String,
        payload: ByteBuffer,
        timeout: Duration? = nil,
        metadata: [(key: ExactString, value: String)] = []
    ) async throws(Status) -> ByteBuffer {
        let call = try makeCall(service, method, payload, timeout, metadata)
        let outcome = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                call.wait(continuation)
                post(.send(call))
            }
        } onCancel: {
            call.resolve(.failure(Status(.cancelled, "the caller's task was cancelled")))
            post(.forget(call))
        }
        return try outcome.get()
    }

    /// Whether calls can still be made, as far as is known.
    package var isOpen: Bool { channel.isActive }

    /// Returns when the connection has ended, whoever ended it.
    package func whenClosed() async {
        try? await channel.closeFuture.get()
    }

    /// Closes; calls that wait fail with UNAVAILABLE. Returns when the channel is closed.
    package func close() async {
        channel.close(promise: nil)
        await whenClosed()
    }
}

extension ClientConnection {
    private typealias AddHandlers = @Sendable (any Channel) throws -> Void

    /// The handlers of all channels that were tried.
    private final class Attempts: Sendable {
        let handlers = Mutex<[ObjectIdentifier: NIOLoopBound<ClientConnectionHandler>]>([:])
    }

    private static func open(
        _ group: any EventLoopGroup,
        _ limits: RPCLimits,
        usesTLS: Bool,
        connect: (ClientBootstrap, @escaping AddHandlers) -> EventLoopFuture<any Channel>
    ) async throws -> ClientConnection {
        let bootstrap = ClientBootstrap(group: group)
            .connectTimeout(connectTimeout)
            .channelOption(.allowRemoteHalfClosure, value: true)
        // A name with several addresses is tried on several channels. The winner's handler is not
        // to be had from its pipeline: a handshake that failed at once has emptied that.
        let attempts = Attempts()
        let channel = try await connect(bootstrap) { channel in
            let handler = ClientConnectionHandler(
                usesTLS: usesTLS,
                maxReceiveBytes: limits.maxReceiveBytes
            )
            try channel.pipeline.syncOperations.addHandler(handler)
            let bound = NIOLoopBound(handler, eventLoop: channel.eventLoop)
            attempts.handlers.withLock { $0[ObjectIdentifier(channel)] = bound }
        }.get()
        guard let handler = attempts.handlers.withLock({ $0[ObjectIdentifier(channel)] }) else {
            throw RPCError(.connectionFailed, "the connection was never set up")
        }
        try await channel.eventLoop.flatSubmit { handler.value.whenReady(channel.eventLoop) }.get()
        return ClientConnection(channel: channel, handler: handler, limits: limits)
    }

    /// Encodes the frame on the caller's thread; the loop only fills in the stream id.
    private func makeCall(
        _ service: String,
        _ method: String,
        _ payload: ByteBuffer,
        _ timeout: Duration?,
        _ metadata: [(key: ExactString, value: String)]
    ) throws(Status) -> ClientCall {
        var envelope = RequestEnvelope(
            service: service,
            method: method,
            payload: payload,
            metadata: metadata
        )
        var deadline: NIODeadline?
        if let timeout {
            let nanoseconds = timeout.wholeNanoseconds
            guard nanoseconds > 0 else {
                throw Status(.deadlineExceeded, "the call's timeout has passed before it began")
            }
            envelope.timeoutNano = nanoseconds
            deadline = .now() + .nanoseconds(nanoseconds)
        }
        if maxReceiveBytes > RPCLimits.defaultFrameBytes {
            envelope.metadata.append((RPCLimits.receiveLimitKey, String(maxReceiveBytes)))
        }
        let frame = envelope.frame()
        let length = frame.readableBytes - FrameHeader.byteCount
        guard length <= maxSendBytes else { throw .oversize(length, limit: maxSendBytes) }
        return ClientCall(frame: frame, deadline: deadline)
    }

    private func post(_ letter: Letter) {
        guard mailbox.post(letter) else { return }
        channel.eventLoop.execute { self.emptyMailbox() }
    }

    private func emptyMailbox() {
        var calls: [ClientCall] = []
        var forgotten: [ClientCall] = []
        for letter in mailbox.takeAll() {
            switch letter {
            case .send(let call): calls.append(call)
            case .forget(let call): forgotten.append(call)
            }
        }
        handler.value.send(calls)
        for call in forgotten { handler.value.forget(call) }
    }
}

extension Duration {
    /// Nanoseconds, rounded down; the nearest that fits for one out of range.
    fileprivate var wholeNanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (product, overflows) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        guard !overflows else { return seconds < 0 ? .min : .max }
        let (sum, exceeds) = product.addingReportingOverflow(attoseconds / 1_000_000_000)
        guard !exceeds else { return seconds < 0 ? .min : .max }
        return sum
    }
}
