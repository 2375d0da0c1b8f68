internal import NIOCore
internal import TLS
internal import Wire

/// A client's side of one connection: numbers the calls, writes their frames, and finds for each
/// response the call that waits for it. It belongs to the channel's loop.
final class ClientConnectionHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let usesTLS: Bool
    private var isReady = false
    /// Who waits until calls may be made, or it never comes to that.
    private var ready: EventLoopPromise<Void>?
    /// What ended the connection, if an error did.
    private var lastError: (any Error)?
    private let maxReceiveBytes: Int
    private var decoder: FrameDecoder
    private var context: ChannelHandlerContext?
    private var calls: [UInt32: ClientCall] = [:]
    /// Odd; nil once all have been used.
    private var nextStreamID: UInt32?
    /// Small frames that wait for the flush.
    private var batch = RequestBatch()
    private var timer: (due: NIODeadline, task: Scheduled<Void>)?
    /// Why nothing can be sent any more.
    private var failure: Status?

    /// - Parameters:
    ///   - usesTLS: whether calls have to wait for a handshake.
    ///   - firstStreamID: odd.
    init(usesTLS: Bool, maxReceiveBytes: Int, firstStreamID: UInt32 = 1) {
        self.usesTLS = usesTLS
        self.maxReceiveBytes = maxReceiveBytes
        nextStreamID = firstStreamID
        decoder = FrameDecoder(maxLength: maxReceiveBytes)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if context.channel.isActive, !usesTLS { becomeReady() }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        fail("the connection is closed")
        timer?.task.cancel()
        timer = nil
        self.context = nil
    }

    /// Succeeds when calls may be made; fails with what ended the connection before. Once.
    func whenReady(_ eventLoop: any EventLoop) -> EventLoopFuture<Void> {
        if isReady { return eventLoop.makeSucceededVoidFuture() }
        if let failure {
            return eventLoop.makeFailedFuture(
                lastError ?? RPCError(.connectionFailed, failure.message)
            )
        }
        let promise = eventLoop.makePromise(of: Void.self)
        ready = promise
        return promise.futureResult
    }

    private func becomeReady() {
        isReady = true
        let promise = ready
        ready = nil
        promise?.succeed()
    }
}

@available(*, unavailable)
extension ClientConnectionHandler: Sendable {}

// MARK: - Calls out

extension ClientConnectionHandler {
    /// Sends calls; they leave in one write.
    func send(_ new: [ClientCall]) {
        for call in new where !call.isResolved { send(call) }
        flush()
        armTimer()
    }

    /// Forgets a call that nobody waits for; a late response is dropped.
    func forget(_ call: ClientCall) {
        guard let entry = calls.first(where: { $0.value === call }) else { return }
        calls[entry.key] = nil
    }

    private func send(_ call: ClientCall) {
        if let failure {
            call.resolve(.failure(failure))
            return
        }
        guard let streamID = nextStreamID else {
            call.resolve(
                .failure(Status(.unavailable, "the connection has used all its stream ids"))
            )
            return
        }
        let (next, overflows) = streamID.addingReportingOverflow(2)
        nextStreamID = overflows ? nil : next
        calls[streamID] = call
        write(call.frame, streamID: streamID)
    }

    private func write(_ frame: ByteBuffer, streamID: UInt32) {
        for part in batch.add(frame, streamID: streamID) {
            context?.write(wrapOutboundOut(part), promise: nil)
        }
    }

    private func flush() {
        if let frames = batch.take() { context?.write(wrapOutboundOut(frames), promise: nil) }
        context?.flush()
    }
}

// MARK: - Responses in

extension ClientConnectionHandler {
    func channelActive(context: ChannelHandlerContext) {
        if !usesTLS { becomeReady() }
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard failure == nil else { return }
        decoder.append(unwrapInboundIn(data))
        while failure == nil {
            switch decoder.next() {
            case .frame(let header, let data):
                receive(header, data)
            case .oversize(let header):
                let status = Status.oversize(Int(header.length), limit: maxReceiveBytes)
                calls.removeValue(forKey: header.streamID)?.resolve(.failure(status))
            case .protocolError:
                fail("the peer sent bytes that are no frame")
                context.close(promise: nil)
            case .needsMore:
                return
            }
        }
    }

    /// A response for a call that was given up finds nobody and is dropped.
    private func receive(_ header: FrameHeader, _ data: ByteBuffer) {
        guard let call = calls.removeValue(forKey: header.streamID) else { return }
        guard header.type == .response else {
            let status = Status(.internalError, "the server sent a frame of type \(header.rawType)")
            call.resolve(.failure(status))
            return
        }
        do throws(WireError) {
            let envelope = try ResponseEnvelope(decoding: data)
            if let status = envelope.status {
                call.resolve(.failure(status))
            } else {
                call.resolve(.success(envelope.payload))
            }
        } catch {
            let status = Status(.internalError, "the response is malformed: \(error.message)")
            call.resolve(.failure(status))
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case is TLSHandshakeCompleted:
            becomeReady()
        case ChannelEvent.inputClosed:
            // No response will come any more.
            fail("the server closed the connection")
            context.close(promise: nil)
        default:
            break
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        lastError = lastError ?? error
        fail("the connection failed: \(error)")
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        fail("the connection was lost")
        context.fireChannelInactive()
    }

    /// Ends all calls, and every later one, with UNAVAILABLE. Those that were sent may have been
    /// carried out: the message says so, unlike that of a later one.
    private func fail(_ reason: String) {
        guard failure == nil else { return }
        let status = Status(.unavailable, reason)
        failure = status
        let waiting = calls.values
        calls = [:]
        let promise = ready
        ready = nil
        promise?.fail(lastError ?? RPCError(.connectionFailed, reason))
        let sent = Status(
            .unavailable,
            "\(reason); the call may have been carried out"
        )
        for call in waiting { call.resolve(.failure(sent)) }
    }
}

// MARK: - Time

extension ClientConnectionHandler {
    /// One timer, for the earliest deadline of the calls that wait.
    private func armTimer() {
        guard let context, failure == nil,
            let due = calls.values.lazy.compactMap(\.deadline).min()
        else { return }
        if let timer, timer.due <= due { return }
        timer?.task.cancel()
        let handler = NIOLoopBound(self, eventLoop: context.eventLoop)
        let task = context.eventLoop.scheduleTask(deadline: due) { handler.value.timerFired() }
        timer = (due, task)
    }

    private func timerFired() {
        timer = nil
        guard let now = context?.eventLoop.now else { return }
        let status = Status(.deadlineExceeded, "no reply within the call's timeout")
        for (streamID, call) in calls {
            guard let deadline = call.deadline, deadline <= now else { continue }
            calls[streamID] = nil
            call.resolve(.failure(status))
        }
        armTimer()
    }
}
