package import NIOCore

extension TLSHandler {
    package func close(
        context: ChannelHandlerContext,
        mode: CloseMode,
        promise: EventLoopPromise<Void>?
    ) {
        switch mode {
        case .input:
            promise?.fail(ChannelError.operationUnsupported)
        case .output:
            closeOutput(context, promise: promise)
        case .all:
            closeAll(context, promise: promise)
        }
    }

    /// Fires `error` and ends the channel once the alert, if there is one, is out and the peer
    /// has had the time to read it.
    func fail(_ error: TLSError, _ context: ChannelHandlerContext) {
        switch state {
        case .closed:
            return
        case .closing:
            // The application has been told already, or wants to hear no more.
            isPeerDone = true
            closeIfDone(context)
            return
        case .idle, .handshaking, .active, .inputClosed, .outputClosed:
            break
        }
        state = .closing
        isFailed = true
        switch error.code {
        case .peerAlert, .truncated, .handshakeTimeout, .internalFailure:
            // It is gone, or deserves no more of our time.
            isPeerDone = true
        default:
            // It is given the time to read the alert, if OpenSSL made one.
            isPeerDone = connection?.hasOutbound != true
        }
        let waiting = writes.removeAll()
        for promise in waiting { promise.fail(error) }
        // Before the last bytes: once these have left, the channel may be closed at once.
        context.fireErrorCaught(error)
        sendLastBytes(context)
    }

    /// Closes the channel when our last bytes have left and the peer has ended its side.
    ///
    /// Closing earlier could cost the peer those bytes: a socket closed with input unread is
    /// reset, and a reset drops what the peer has not read, such as the alert that says why.
    func closeIfDone(_ context: ChannelHandlerContext) {
        guard case .closing = state, isPeerDone, isLastWriteDone else { return }
        closeNow(context)
    }

    /// To `closed`, with nothing left that runs or waits.
    func finish(failingWith error: any Error) {
        state = .closed
        stopTimer()
        connection = nil
        for promise in writes.removeAll() { promise.fail(error) }
    }

    func startTimer(
        _ delay: TimeAmount,
        _ context: ChannelHandlerContext,
        _ body: @escaping (TLSHandler, ChannelHandlerContext) -> Void
    ) {
        stopTimer()
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: delay) { [self] in
            timer = nil
            body(self, context)
        }
    }

    func stopTimer() {
        timer?.cancel()
        timer = nil
    }

    private func closeOutput(_ context: ChannelHandlerContext, promise: EventLoopPromise<Void>?) {
        switch state {
        case .active:
            state = .outputClosed
        case .inputClosed:
            // Now both sides have said that they are done.
            closeAll(context, promise: promise)
            return
        case .idle, .handshaking:
            // There is no TLS to say it in yet.
            promise?.fail(ChannelError.operationUnsupported)
            return
        case .outputClosed:
            promise?.fail(ChannelError.outputClosed)
            return
        case .closing, .closed:
            promise?.fail(ChannelError.alreadyClosed)
            return
        }
        let waiting = writes.removeAll()
        do throws(TLSError) {
            try connection?.sendCloseNotify()
        } catch {
            for promise in waiting { promise.fail(error) }
            promise?.fail(error)
            fail(error, context)
            return
        }
        let written = context.eventLoop.makePromise(of: Void.self)
        written.futureResult.cascade(to: promise)
        written.futureResult.assumeIsolated().whenComplete { [self] _ in
            isLastWriteDone = true
            closeIfDone(context)
        }
        flushOutbound(context, promise: written)
        for promise in waiting { promise.fail(ChannelError.outputClosed) }
    }

    private func closeAll(_ context: ChannelHandlerContext, promise: EventLoopPromise<Void>?) {
        if let promise {
            if let closePromise {
                closePromise.futureResult.cascade(to: promise)
            } else {
                closePromise = promise
            }
        }
        let waiting: [EventLoopPromise<Void>]
        switch state {
        case .idle, .handshaking:
            waiting = writes.removeAll()
            closeNow(context)
        case .active, .inputClosed, .outputClosed:
            if case .inputClosed = state { isPeerDone = true }
            state = .closing
            waiting = writes.removeAll()
            // Should it fail, the connection is closed all the same, only less politely.
            do throws(TLSError) { try connection?.sendCloseNotify() } catch { isPeerDone = true }
            sendLastBytes(context)
        case .closing:
            waiting = []
        case .closed:
            waiting = []
            closeNow(context)
        }
        for promise in waiting { promise.fail(ChannelError.ioOnClosedChannel) }
    }

    /// In `closing`: sends what is left, and limits first how long that may take, then how long
    /// the peer is waited for.
    func sendLastBytes(_ context: ChannelHandlerContext) {
        guard case .closing = state else { return }
        startTimer(TLSLimits.closeWriteTimeout, context) { handler, context in
            handler.closeNow(context)
        }
        let written = context.eventLoop.makePromise(of: Void.self)
        written.futureResult.assumeIsolated().whenComplete { [self] result in
            guard case .closing = state else { return }
            isLastWriteDone = true
            if case .failure = result { isPeerDone = true }
            guard !isPeerDone else { return closeNow(context) }
            startTimer(TLSLimits.closeTimeout, context) { handler, context in
                handler.closeNow(context)
            }
            // Without auto-read nobody else asks for the peer's end.
            context.read()
        }
        flushOutbound(context, promise: written)
    }

    private func closeNow(_ context: ChannelHandlerContext) {
        let promise = closePromise
        closePromise = nil
        finish(failingWith: ChannelError.ioOnClosedChannel)
        context.close(mode: .all, promise: promise)
    }
}
