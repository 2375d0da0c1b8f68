internal import Logging
internal import NIOCore
internal import TLS
internal import Wire

/// A server's side of one connection: frames in, calls out, replies back.
///
/// It is the last handler of its channel and belongs to the channel's loop. What to do is
/// ``ConnectionState``'s; this does it. Bytes come decrypted from the TLS handler, or straight
/// from a unix socket.
///
/// A connection of any binding begins with this handler's first byte: a frame begins with 0,
/// which no HTTP request does. A second binding takes its connections from a handler in front of
/// this one, ``FirstByteHandler``, which looks at that byte and then leaves the channel.
final class ServerConnectionHandler: ChannelDuplexHandler, RemovableChannelHandler, TurnTaker {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = Never
    typealias OutboundOut = ByteBuffer

    let router: Router
    let limits: RPCLimits
    let envelopeLimits: EnvelopeLimits
    let link: ConnectionLink
    let connections: ConnectionTable?
    let flushes: FlushRound
    let held: HeldReplies

    var state: ConnectionState<Call>
    var principal: Principal {
        didSet { principalNumber = PrincipalNumbers.shared.number(of: principal) }
    }
    private(set) var principalNumber: UInt64
    /// Counts the replies of the connection; its own one while the handler is in its channel.
    var account: ReplyAccount
    /// Calls that wait for room for their replies, in the order in which they came.
    var waiting: [WaitingCall] = []
    /// When bytes were last read. Frames that wait here for room keep it: their deadlines count
    /// the wait.
    var readAt = NIODeadline.uptimeNanoseconds(0)
    /// When the frames that are being looked at began to be.
    var now = NIODeadline.uptimeNanoseconds(0)
    /// The call whose method runs right now, until it is answered or registered.
    var starting: Call?
    private var decoder: FrameDecoder
    var writer = ReplyWriter()
    var context: ChannelHandlerContext?
    private var timer: (due: NIODeadline, task: Scheduled<Void>)?
    /// Bytes written to the channel and not flushed yet.
    var unflushedBytes = 0
    /// The bytes in the account of replies that were written and not flushed yet.
    var unflushedReserved = 0
    /// Bytes that were flushed, and that the socket is known to take only later.
    var untakenBytes = 0
    /// How long room is waited for until it is looked for again.
    var roomInterval = roomIntervals.lowerBound
    /// Bytes that were flushed since the socket was last known to have taken all.
    var unwatchedBytes = 0
    var isProcessing = false
    var flushIsScheduled = false
    private var readIsHeldBack = false
    /// Whether the connection is in the queue of its loop's turns.
    private var awaitsTurn = false
    /// Whether the handshake ended without a principal.
    var isAnonymous = false
    /// Whether another binding has the connection from here on.
    var isHandedOver = false

    /// - Parameters:
    ///   - link: what calls answer through; of this channel's loop.
    ///   - principal: who calls, as far as the socket says; a TLS handshake says more.
    ///   - connections: where the connection is counted; nil: nowhere.
    ///   - flushes: of the channel's loop; nil: one of its own.
    ///   - held: the accounts of the server's replies; nil: some of its own.
    init(
        router: Router,
        limits: RPCLimits,
        link: ConnectionLink,
        principal: Principal,
        connections: ConnectionTable?,
        flushes: FlushRound? = nil,
        held: HeldReplies? = nil
    ) {
        let held = held ?? HeldReplies(limits: limits)
        self.held = held
        account = held.total
        self.router = router
        self.limits = limits
        self.link = link
        self.principal = principal
        principalNumber = PrincipalNumbers.shared.number(of: principal)
        self.connections = connections
        self.flushes = flushes ?? FlushRound(of: link.eventLoop)
        envelopeLimits = EnvelopeLimits(
            maxMetadataPairs: limits.maxMetadataPairs,
            maxMetadataBytes: limits.maxMetadataBytes
        )
        state = ConnectionState(limits: limits)
        decoder = FrameDecoder(maxLength: limits.maxReceiveBytes)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        account = held.open(principal)
        link.attach(self)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        abandonCalls()
        timer?.task.cancel()
        timer = nil
        releaseReplies()
        if !isHandedOver {
            held.close(principal)
            connections?.remove(link)
        }
        link.attach(nil)
        self.context = nil
    }
}

@available(*, unavailable)
extension ServerConnectionHandler: Sendable {}

// MARK: - Channel events

extension ServerConnectionHandler {
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !state.isClosed else { return }
        decoder.append(unwrapInboundIn(data))
        readAt = context.eventLoop.now
        now = readAt
        state.fed(now: now)
        if isAnonymous { link.heard(at: now) }
        process()
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        flushAndGoOn()
        context.fireChannelReadComplete()
    }

    /// Holds reading back while the connection has its fill of calls or unsent replies, or input
    /// that was not looked at.
    func read(context: ChannelHandlerContext) {
        if readsMore {
            context.read()
        } else {
            readIsHeldBack = true
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        state.writabilityChanged(context.channel.isWritable)
        // Not from here: the change may come from the midst of a write or a flush of ours.
        scheduleFlush()
        context.fireChannelWritabilityChanged()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case let event as TLSHandshakeCompleted:
            handshakeEnded(Principal(event.peer), context)
        case let event as TLSHandshakeProgress:
            connections?.handshakeProgressed(link, HandshakeStage(event))
            if event == .began { measureHandshakeWait(context) }
        case ChannelEvent.inputClosed:
            state.inputClosed()
            flushAndGoOn()
        default:
            break
        }
        context.fireUserInboundEventTriggered(event)
    }

    /// The stream is cut short, or cannot be trusted from here on: nothing more is answered.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        link.logger.debug("connection failed", metadata: ["error": "\(error)"])
        abandonCalls()
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        abandonCalls()
        context.fireChannelInactive()
    }
}

// MARK: - Frames

extension ServerConnectionHandler {
    /// Looks at what was received as far as the state allows.
    private func process() {
        guard !isProcessing, !awaitsTurn else { return }
        isProcessing = true
        defer { isProcessing = false }
        var frames = 0
        while state.readsOn, hasRoomForReplies() {
            switch decoder.next() {
            case .frame(let header, let data):
                perform(state.received(header), header.streamID, data)
            case .oversize(let header):
                perform(state.receivedOversize(header), header.streamID, ByteBuffer())
            case .protocolError:
                close(.notFrames)
            case .needsMore:
                state.consumed(decoder.progress, now: now)
                return
            }
            frames += 1
            // The clock is not asked for a read that brought one frame.
            if decoder.hasInput, isTurnOver(frames) {
                awaitsTurn = true
                return flushes.turns.wait(self)
            }
        }
    }

    private func isTurnOver(_ frames: Int) -> Bool {
        guard frames < limits.maxFramesPerTurn else { return true }
        return link.eventLoop.now - now >= limits.turnTime
    }

    /// Looks at frames that were left over.
    func takeTurn() {
        awaitsTurn = false
        flushAndGoOn()
    }

    private func perform(
        _ action: ConnectionState<Call>.FrameAction,
        _ streamID: UInt32,
        _ data: ByteBuffer
    ) {
        switch action {
        case .request:
            startCall(streamID, data)
        case .refuse(let status):
            refuse(streamID, status)
        case .abort(let call, let status):
            // Its answer may be under way from another thread; it is dropped on arrival.
            _ = call.abandon(status)
            refuse(streamID, status)
        case .drop:
            break
        case .close(let reason):
            close(reason)
        }
    }

    /// Answers a frame that no call stands behind.
    func refuse(_ streamID: UInt32, _ status: Status) {
        write(.failure(status), streamID: streamID, limit: limits.maxSendBytes)
    }
}

// MARK: - Going on and ending

extension ServerConnectionHandler {
    /// Sends what waits, then does what has become possible: look at frames that were held
    /// back, read more, close what is finished.
    func flushAndGoOn() {
        guard !isProcessing, !state.isClosed else { return }
        if state.waitsForRoom { resumeWaiting() }
        if state.hasInput, state.readsOn, !awaitsTurn {
            if let context { now = context.eventLoop.now }
            process()
        }
        flush()
        if state.isFinished { finish() }
        if readIsHeldBack, readsMore {
            readIsHeldBack = false
            context?.read()
        }
        armTimer()
    }

    /// Whether more is read from the socket.
    private var readsMore: Bool { state.isClosed || state.readsOn && !state.hasInput }

    /// Refuses new calls from here on, and closes when none runs.
    func drain() {
        state.drain()
        flushAndGoOn()
    }

    /// Cancels what runs and closes the socket at once.
    func cut() {
        abandonCalls()
        if let context { ConnectionLink.cut(context.channel) }
    }

    private func close(_ reason: CloseReason) {
        link.logger.debug("connection closed", metadata: ["reason": "\(reason.rawValue)"])
        guard reason != .writeStalled else { return cut() }
        if reason == .anonymousIdle { connections?.idled() }
        flush()
        abandonCalls()
        context?.close(promise: nil)
    }

    /// Closes once the last replies have left: a plain socket would drop them.
    private func finish() {
        _ = state.close()
        guard let context else { return }
        let promise = context.eventLoop.makePromise(of: Void.self)
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        promise.futureResult.whenComplete { _ in bound.value.close(promise: nil) }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer()), promise: promise)
        timer?.task.cancel()
        let due = context.eventLoop.now + limits.writeStallTimeout
        timer = (
            due, context.eventLoop.scheduleTask(deadline: due) { bound.value.close(promise: nil) }
        )
    }

    /// Nothing will be answered any more: the methods should know.
    private func abandonCalls() {
        let calls = state.close()
        waiting = []
        for call in calls {
            _ = call.abandon(Status(.cancelled, "the connection was lost"))
        }
    }
}

// MARK: - Time

extension ServerConnectionHandler {
    /// One timer for everything that the connection waits for. It only ever moves to an earlier
    /// time; when it fires too early, it is set anew.
    func armTimer() {
        guard !state.isClosed, let due = state.nextTimer, let context else { return }
        if let timer, timer.due <= due { return }
        timer?.task.cancel()
        let handler = NIOLoopBound(self, eventLoop: context.eventLoop)
        let task = context.eventLoop.scheduleTask(deadline: due) { handler.value.timerFired() }
        timer = (due, task)
    }

    private func timerFired() {
        timer = nil
        guard !state.isClosed, let context else { return }
        let outcome = state.timerFired(
            now: context.eventLoop.now,
            unsentBytes: unsentBytes(context)
        )
        for call in outcome.expired {
            let status = Status(
                .deadlineExceeded,
                "the deadline passed before the call was answered"
            )
            if call.abandon(status) {
                refuse(call.streamID, status)
            } else {
                // Answered in time by another thread; the answer is on its way here.
                state.started(call, streamID: call.streamID, deadline: nil)
            }
        }
        if let reason = outcome.close { close(reason) }
        flushAndGoOn()
    }
}
