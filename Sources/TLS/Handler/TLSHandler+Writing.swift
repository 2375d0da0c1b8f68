package import NIOCore

extension TLSHandler {
    package func write(
        context: ChannelHandlerContext,
        data: NIOAny,
        promise: EventLoopPromise<Void>?
    ) {
        switch state {
        case .idle, .handshaking, .active, .inputClosed:
            writes.append(unwrapOutboundIn(data), promise: promise)
        case .outputClosed:
            promise?.fail(ChannelError.outputClosed)
        case .closing, .closed:
            promise?.fail(ChannelError.ioOnClosedChannel)
        }
    }

    package func flush(context: ChannelHandlerContext) {
        writes.mark()
        // Every write to the channel is flushed with it, so there is no flush to pass on.
        encryptMarked(context)
    }

    /// Encrypts what was flushed, if the handshake is over, and sends it as one buffer.
    func encryptMarked(_ context: ChannelHandlerContext) {
        switch state {
        case .active, .inputClosed:
            break
        case .idle, .handshaking, .outputClosed, .closing, .closed:
            return
        }
        guard let connection, let burst = writes.takeMarked() else { return }
        do throws(TLSError) {
            for bytes in burst.plaintext { try connection.write(bytes) }
        } catch {
            for promise in burst.promises { promise.fail(error) }
            fail(error, context)
            return
        }
        flushOutbound(context, promise: burst.promises.combined())
    }

    /// Sends the ciphertext that there is. `promise` succeeds when it, and all that was written
    /// before it, has left.
    func flushOutbound(_ context: ChannelHandlerContext, promise: EventLoopPromise<Void>?) {
        if let ciphertext = connection?.takeOutbound() {
            context.writeAndFlush(wrapOutboundOut(ciphertext), promise: promise)
        } else if let promise {
            // An empty write keeps its place behind those that wait.
            context.writeAndFlush(wrapOutboundOut(ByteBuffer()), promise: promise)
        }
    }
}

extension [EventLoopPromise<Void>] {
    /// The first promise, with the others following it: one write completes a whole burst.
    fileprivate func combined() -> EventLoopPromise<Void>? {
        guard let first else { return nil }
        for other in dropFirst() { first.futureResult.cascade(to: other) }
        return first
    }
}
