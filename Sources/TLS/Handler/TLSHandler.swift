package import NIOCore

/// TLS in a channel's pipeline: ciphertext towards the socket, plaintext towards the application,
/// `ByteBuffer` both ways.
///
/// Guarantees:
/// - ``TLSHandshakeCompleted`` is fired once, before the first plaintext. A handshake that takes
///   longer than its limit fails.
/// - All that one read of the socket brought is decrypted and goes up as one `channelRead` and
///   one `channelReadComplete`. Nothing is read from the socket beyond what the channel delivers,
///   so `autoRead` off bounds the plaintext that waits by one receive buffer.
/// - With a ``TurnQueue``, a handshake starts in a turn of the loop's queue, and a read that holds
///   more than ``TLSLimits/maxRecordsPerTurn`` records is decrypted in several turns. Nothing is
///   read from the socket meanwhile.
/// - What is written waits for `flush`, which encrypts it as one burst.
/// - The peer's close_notify fires `ChannelEvent.inputClosed`; our side may go on writing.
///   An end without it is an error with code `truncated`, whatever ended the connection.
/// - `close(mode: .output)` sends close_notify and leaves reading open. `close(mode: .all)` sends
///   it after all that was flushed, then waits for the peer for ``TLSLimits/closeTimeout``.
///   `close(mode: .input)` is refused: TLS has no such thing.
/// - Each failure is fired as one ``TLSError``, after which the handler closes the channel by
///   itself, once the alert is out.
///
/// It calls no OpenSSL function: ``TLSConnection`` does.
package final class TLSHandler: ChannelDuplexHandler, TurnTaker {
    package typealias InboundIn = ByteBuffer
    package typealias InboundOut = ByteBuffer
    package typealias OutboundIn = ByteBuffer
    package typealias OutboundOut = ByteBuffer

    enum State {
        /// The channel is not active yet.
        case idle
        /// Writes wait, a timer runs.
        case handshaking
        /// Both directions are open.
        case active
        /// The peer sent close_notify; we may write.
        case inputClosed
        /// We sent close_notify; the peer may write.
        case outputClosed
        /// Nothing more is for the application. Our last bytes are on their way, and after them
        /// the peer's end is awaited until a timer ends it.
        case closing
        /// Over.
        case closed
    }

    /// Set before anything is called that may call back: promises, events, errors.
    var state = State.idle
    var connection: TLSConnection?
    /// Limits the handshake, later the close. One at a time.
    var timer: Scheduled<Void>?
    /// Promises of `close(mode: .all)`, kept until the channel is closed.
    var closePromise: EventLoopPromise<Void>?
    /// In `closing`: the peer has ended its side, or there is no sense in waiting for it.
    var isPeerDone = false
    /// In `closing`: the engine failed, and what still comes in is dropped unread.
    var isFailed = false
    /// In `closing`: our last bytes have left.
    var isLastWriteDone = false

    var writes = WriteQueue()
    private var plaintext = ByteBuffer()
    private var keyUpdateWindowStart = NIODeadline.uptimeNanoseconds(0)
    private let tlsContext: TLSContext
    private let role: TLSRole
    private let handshakeTimeout: TimeAmount
    private let turns: (any TurnQueue)?
    private var context: ChannelHandlerContext?
    /// The first bytes of a handshake that was not started.
    private var firstBytes = ByteBuffer()
    /// Whether the handler is in ``turns``.
    private var awaitsTurn = false
    private var readIsHeldBack = false

    /// The peer's verified certificate: nil before the handshake ended, and for a client that
    /// sent none.
    package private(set) var peerCertificate: PeerCertificate?

    /// - Parameters:
    ///   - context: of the same role.
    ///   - role: for a client, with the name or address that the server must have.
    ///   - handshakeTimeout: from the channel's activation to the end of the handshake.
    ///   - turns: of the channel's loop; nil: nothing is postponed.
    package init(
        context: TLSContext,
        role: TLSRole,
        handshakeTimeout: TimeAmount = TLSLimits.handshakeTimeout,
        turns: (any TurnQueue)? = nil
    ) {
        self.turns = turns
        tlsContext = context
        self.role = role
        self.handshakeTimeout = handshakeTimeout
    }

    // MARK: Life

    package func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if context.channel.isActive { start(context) }
    }

    package func handlerRemoved(context: ChannelHandlerContext) {
        finish(failingWith: ChannelError.ioOnClosedChannel)
        closePromise?.succeed()
        closePromise = nil
        self.context = nil
    }

    package func channelActive(context: ChannelHandlerContext) {
        context.fireChannelActive()
        start(context)
    }

    package func channelInactive(context: ChannelHandlerContext) {
        if awaitsTurn { decryptAll(context) }
        let before = state
        finish(failingWith: ChannelError.ioOnClosedChannel)
        switch before {
        case .handshaking:
            context.fireErrorCaught(TLSError(.truncated, "the peer left during the handshake"))
        case .active, .outputClosed:
            // All that came before the end goes up before the error.
            deliver(context)
            context.fireErrorCaught(Self.truncated)
        case .idle, .inputClosed, .closing, .closed:
            break
        }
        context.fireChannelInactive()
    }

    package func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // The socket's end of input. Ours comes from close_notify and was fired with it.
        guard case .some(.inputClosed) = event as? ChannelEvent else {
            context.fireUserInboundEventTriggered(event)
            return
        }
        if awaitsTurn { decryptAll(context) }
        switch state {
        case .handshaking, .active, .outputClosed:
            deliver(context)
            fail(Self.truncated, context)
        case .closing:
            isPeerDone = true
            closeIfDone(context)
        case .idle, .inputClosed, .closed:
            break
        }
    }

    private func start(_ context: ChannelHandlerContext) {
        guard case .idle = state else { return }
        state = .handshaking
        // A server's peer that sends nothing costs no engine.
        if role != .server { guard makeConnection(context) else { return } }
        let timeout = handshakeTimeout
        startTimer(timeout, context) { handler, context in
            guard case .handshaking = handler.state else { return }
            let error = TLSError(
                .handshakeTimeout,
                "no handshake within \(timeout.nanoseconds / 1_000_000) ms"
            )
            handler.fail(error, context)
        }
        proceedWithHandshake(context)
        flushOutbound(context, promise: nil)
        // Without auto-read nobody else asks for the peer's answer.
        context.read()
    }

    /// - Returns: whether there is an engine; if not, the channel is being closed.
    private func makeConnection(_ context: ChannelHandlerContext) -> Bool {
        do throws(TLSError) {
            connection = try TLSConnection(context: tlsContext, role: role)
            return true
        } catch {
            fail(error, context)
            return false
        }
    }

    // MARK: Reading

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch state {
        case .handshaking, .active, .outputClosed:
            break
        case .closing where !isPeerDone && !isFailed:
            break
        case .idle, .inputClosed, .closing, .closed:
            return
        }
        refillKeyUpdateBudget(context)
        let bytes = unwrapInboundIn(data)
        guard let connection else { return receiveFirst(bytes, context) }
        connection.receive(bytes)
        guard !awaitsTurn else { return }
        if case .handshaking = state { proceedWithHandshake(context) }
        decrypt(context)
    }

    /// The loop's other connections have had their turn.
    package func takeTurn() {
        awaitsTurn = false
        guard let context else { return }
        if connection == nil { startHandshake(context) }
        decrypt(context)
        channelReadComplete(context: context)
        guard readIsHeldBack, !awaitsTurn else { return }
        readIsHeldBack = false
        context.read()
    }

    package func read(context: ChannelHandlerContext) {
        guard !awaitsTurn else { return readIsHeldBack = true }
        context.read()
    }

    package func channelReadComplete(context: ChannelHandlerContext) {
        let hadPlaintext = deliver(context)
        flushOutbound(context, promise: nil)
        guard !hadPlaintext, !awaitsTurn else { return }
        switch state {
        case .handshaking, .active, .outputClosed, .closing:
            // The application's read brought part of a record, or none of its bytes.
            context.read()
        case .idle, .inputClosed, .closed:
            break
        }
    }

    /// The first bytes of a handshake wait for a turn.
    private func receiveFirst(_ bytes: ByteBuffer, _ context: ChannelHandlerContext) {
        guard case .handshaking = state else { return }
        firstBytes.writeImmutableBuffer(bytes)
        guard !awaitsTurn else { return }
        awaitsTurn = true
        context.fireUserInboundEventTriggered(TLSHandshakeProgress.received)
        turns.map { $0.take(self) } ?? takeTurn()
    }

    private func startHandshake(_ context: ChannelHandlerContext) {
        guard case .handshaking = state else { return }
        context.fireUserInboundEventTriggered(TLSHandshakeProgress.began)
        guard case .handshaking = state, makeConnection(context) else { return }
        connection?.receive(firstBytes)
        firstBytes = ByteBuffer()
        proceedWithHandshake(context)
    }

    private func proceedWithHandshake(_ context: ChannelHandlerContext) {
        guard let connection else { return }
        switch connection.handshake() {
        case .needsInput:
            guard role == .server, connection.hasOutbound else { return }
            context.fireUserInboundEventTriggered(TLSHandshakeProgress.answered)
        case .failed(let error):
            fail(error, context)
        case .done:
            do throws(TLSError) {
                peerCertificate = try connection.peerCertificate()
            } catch {
                fail(error, context)
                return
            }
            stopTimer()
            state = .active
            // What was flushed so far goes with the Finished, whatever the event causes.
            encryptMarked(context)
            flushOutbound(context, promise: nil)
            guard case .active = state else { return }
            context.fireUserInboundEventTriggered(
                TLSHandshakeCompleted(
                    peer: peerCertificate,
                    applicationProtocol: connection.applicationProtocol,
                    version: connection.version
                )
            )
        }
    }

    /// Decrypts what came before the socket's end, which ends the turns too.
    private func decryptAll(_ context: ChannelHandlerContext) {
        decrypt(context, maxRecords: .max)
    }

    /// - Parameter maxRecords: after which the rest waits for a turn; nil: the limit, if there are
    ///   turns.
    private func decrypt(_ context: ChannelHandlerContext, maxRecords: Int? = nil) {
        switch state {
        case .active, .outputClosed, .closing:
            break
        case .idle, .handshaking, .inputClosed, .closed:
            return
        }
        guard let connection, !isFailed else { return }
        let limit = maxRecords ?? (turns == nil ? .max : TLSLimits.maxRecordsPerTurn)
        let end = connection.read(into: &plaintext, maxRecords: limit)
        switch end {
        case .needsInput:
            break
        case .done(.recordLimit):
            awaitsTurn = true
            turns?.wait(self)
        case .failed(let error):
            deliver(context)
            fail(error, context)
        case .done(.closeNotify):
            peerClosed(context)
        }
    }

    private func peerClosed(_ context: ChannelHandlerContext) {
        connection?.discardInbound()
        // The last bytes go up first, and what they cause may change the state.
        deliver(context)
        switch state {
        case .active:
            state = .inputClosed
            context.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        case .outputClosed:
            // Both sides have said that they are done.
            isPeerDone = true
            state = .closing
            context.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
            sendLastBytes(context)
        case .closing:
            isPeerDone = true
            closeIfDone(context)
        case .idle, .handshaking, .inputClosed, .closed:
            break
        }
    }

    /// Hands up what was decrypted.
    ///
    /// - Returns: whether there was anything.
    @discardableResult
    private func deliver(_ context: ChannelHandlerContext) -> Bool {
        // The application has closed: what came before that and was not read is dropped.
        if case .closing = state { plaintext = ByteBuffer() }
        guard plaintext.readableBytes > 0 else { return false }
        let bytes = plaintext
        // The receiver may keep slices of it, so its storage is not ours any more.
        plaintext = ByteBuffer()
        context.fireChannelRead(wrapInboundOut(bytes))
        context.fireChannelReadComplete()
        return true
    }

    private func refillKeyUpdateBudget(_ context: ChannelHandlerContext) {
        let now = context.eventLoop.now
        guard now - keyUpdateWindowStart >= TLSLimits.keyUpdateWindow else { return }
        keyUpdateWindowStart = now
        connection?.refillKeyUpdateBudget()
    }

    static let truncated = TLSError(
        .truncated,
        "the connection ended without close_notify: bytes may be missing"
    )
}

@available(*, unavailable)
extension TLSHandler: Sendable {}
