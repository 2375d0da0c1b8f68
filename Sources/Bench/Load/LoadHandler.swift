internal import NIOCore
internal import TLS
internal import Wire

/// One connection that makes calls and times their answers. It belongs to its channel's loop.
///
/// Nothing is allocated for a call but its entry in a table: what a generator costs is missing to
/// the server beside it.
final class LoadHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private struct UnderWay {
        let kind: Int
        let since: NIODeadline
    }

    private let load: LoopLoad
    private let ready: EventLoopPromise<Void>
    private var decoder = FrameDecoder(maxLength: BenchLimits.answerBytes)
    private var context: ChannelHandlerContext?
    private var underWay: [UInt32: UnderWay] = [:]
    private var nextStreamID: UInt32 = 1
    private var nextKind: Int
    private var batch = RequestBatch()
    private var isReady = false
    /// Calls that an answer brings: those of the closed loop.
    private let refills: Bool

    /// - Parameters:
    ///   - ready: succeeds when calls can be made.
    ///   - kind: the kind of the first call.
    init(load: LoopLoad, ready: EventLoopPromise<Void>, kind: Int) {
        self.load = load
        self.ready = ready
        nextKind = kind
        if case .closed = load.pace { refills = true } else { refills = false }
    }

    /// Makes a call that was due at a moment; it leaves with ``flush()``.
    func call(due: NIODeadline) {
        guard isReady else {
            load.lose(1, since: due)
            return
        }
        let kind = nextKind
        nextKind = kind + 1 == load.frames.count ? 0 : kind + 1
        let streamID = nextStreamID
        // Ids are odd and do not come back: 2^31 calls are more than a day at 20,000 a second.
        nextStreamID &+= 2
        underWay[streamID] = UnderWay(kind: kind, since: due)
        load.underWay += 1
        load.sent(load.frames[kind].readableBytes, due: due)
        write(load.frames[kind], streamID: streamID)
    }

    /// Sends what was written.
    func flush() {
        if let frames = batch.take() { context?.write(wrapOutboundOut(frames), promise: nil) }
        context?.flush()
    }

    private func write(_ frame: ByteBuffer, streamID: UInt32) {
        for part in batch.add(frame, streamID: streamID) {
            context?.write(wrapOutboundOut(part), promise: nil)
        }
    }

    private func end() {
        isReady = false
        for call in underWay.values { load.lose(1, since: call.since) }
        load.underWay -= underWay.count
        underWay = [:]
        ready.fail(BenchError("the server closed a connection"))
    }
}

@available(*, unavailable)
extension LoadHandler: Sendable {}

extension LoadHandler {
    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        end()
        self.context = nil
    }

    func channelInactive(context: ChannelHandlerContext) {
        end()
        context.fireChannelInactive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is TLSHandshakeCompleted {
            isReady = true
            ready.succeed()
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        ready.fail(error)
        context.close(promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        decoder.append(unwrapInboundIn(data))
        // One look at the clock for all that came in one read.
        let now = NIODeadline.now()
        while true {
            switch decoder.next() {
            case .frame(let header, let data):
                receive(header, data, now)
            case .oversize(let header):
                load.receive(
                    failure: .resourceExhausted,
                    since: underWay[header.streamID]?.since,
                    now: now
                )
                finish(header.streamID, now)
            case .protocolError:
                context.close(promise: nil)
                return
            case .needsMore:
                flush()
                return
            }
        }
    }

    private func receive(_ header: FrameHeader, _ data: ByteBuffer, _ now: NIODeadline) {
        guard let call = underWay[header.streamID] else { return }
        do throws(WireError) {
            let envelope = try ResponseEnvelope(decoding: data)
            if let status = envelope.status {
                load.receive(failure: status.code, since: call.since, now: now)
            } else {
                load.receive(header, kind: call.kind, since: call.since, now: now)
                load.check(envelope.payload, kind: call.kind)
            }
        } catch {
            load.receive(failure: .internalError, since: call.since, now: now)
        }
        finish(header.streamID, now)
    }

    private func finish(_ streamID: UInt32, _ now: NIODeadline) {
        guard underWay.removeValue(forKey: streamID) != nil else { return }
        load.underWay -= 1
        if refills, now < load.window.end { call(due: now) }
    }
}
