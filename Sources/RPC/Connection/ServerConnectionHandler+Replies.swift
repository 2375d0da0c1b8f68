internal import NIOCore
internal import Wire

extension ServerConnectionHandler {
    /// Writes a call's answer, unless the call has ended for the peer already.
    func answer(_ call: Call, with answer: CallAnswer) {
        guard isAwaited(call) else { return }
        unflushedReserved += call.takeReserved()
        write(answer, streamID: call.streamID, limit: limits.replyFrameBytes(to: call))
        if !isProcessing { scheduleFlush() }
    }

    /// Writes a call's success, encoding it on the way, unless the call has ended for the peer.
    func answer(_ call: Call, sending message: some OutgoingMessage) {
        guard isAwaited(call), !state.isClosed else { return }
        unflushedReserved += call.takeReserved()
        writer.add(
            success: message,
            streamID: call.streamID,
            limit: limits.replyFrameBytes(to: call)
        )
        flushIfMuch()
        if !isProcessing { scheduleFlush() }
    }

    /// Whether the peer waits for the call's answer; it does so once.
    private func isAwaited(_ call: Call) -> Bool {
        guard call === starting else { return state.answered(call.streamID) }
        starting = nil
        return true
    }

    func write(_ answer: CallAnswer, streamID: UInt32, limit: Int) {
        guard !state.isClosed else { return }
        switch answer {
        case .success(let payload):
            if let parts = writer.add(success: payload, streamID: streamID, limit: limit) {
                write(parts.head)
                write(parts.payload)
            }
        case .failure(let status):
            writer.add(failure: status, streamID: streamID)
        }
        flushIfMuch()
    }

    /// A tick may answer more than a connection may hold unsent: the channel has to know.
    private func flushIfMuch() {
        if writer.bufferedBytes + unflushedBytes >= limits.maxUnsentBytes / 8 { flush() }
    }

    private func write(_ buffer: ByteBuffer, promise: EventLoopPromise<Void>? = nil) {
        unflushedBytes += buffer.readableBytes
        context?.write(wrapOutboundOut(buffer), promise: promise)
    }

    func flush() {
        let count = unflushedBytes + writer.bufferedBytes
        guard count > 0, let context else { return }
        let promise = watch(count, context)
        if writer.bufferedBytes > 0 || promise != nil { write(writer.take(), promise: promise) }
        unflushedBytes = 0
        context.flush()
        writer.reset()
        state.flushed(count, now: context.eventLoop.now)
    }

    func unsentBytes(_ context: ChannelHandlerContext) -> Int {
        (try? context.channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
    }

    /// Lets the answers of one tick share a flush.
    func scheduleFlush() {
        guard !flushIsScheduled, context != nil else { return }
        flushIsScheduled = true
        flushes.add(self)
    }

    /// The end of the round in which ``scheduleFlush()`` was called.
    func flushAtEndOfRound() {
        flushIsScheduled = false
        flushAndGoOn()
    }
}
