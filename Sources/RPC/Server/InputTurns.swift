internal import NIOCore
internal import TLS

/// The handler in front of another binding's: hands its input on in small pieces, and gives the
/// loop's other connections their turn between them.
///
/// Nothing is read from the socket while input is left.
final class InputTurns: ChannelDuplexHandler, TurnTaker {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = NIOAny
    typealias OutboundOut = NIOAny

    /// Bytes handed on at once: about as many requests as a connection may have waiting.
    static let pieceBytes = 512

    private let link: ConnectionLink
    private let turns: any TurnQueue
    private let turnTime: TimeAmount
    private var context: ChannelHandlerContext?
    private var input = ByteBuffer()
    private var awaitsTurn = false
    private var isHandingOn = false
    private var readIsHeldBack = false
    /// The peer's end came, and is handed on after the input.
    private var inputIsClosed = false

    init(link: ConnectionLink, turns: any TurnQueue, turnTime: TimeAmount) {
        self.link = link
        self.turns = turns
        self.turnTime = turnTime
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        input = ByteBuffer()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let now = context.eventLoop.now
        link.heard(at: now)
        var bytes = unwrapInboundIn(data)
        if input.readableBytes == 0 { input = bytes } else { input.writeBuffer(&bytes) }
        handOn()
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        context.fireChannelReadComplete()
    }

    func read(context: ChannelHandlerContext) {
        guard input.readableBytes == 0 else { return readIsHeldBack = true }
        context.read()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if input.readableBytes > 0, case .some(.inputClosed) = event as? ChannelEvent {
            inputIsClosed = true
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        input = ByteBuffer()
        context.fireChannelInactive()
    }

    func takeTurn() {
        awaitsTurn = false
        handOn()
        context?.fireChannelReadComplete()
        guard let context, input.readableBytes == 0 else { return }
        if inputIsClosed {
            inputIsClosed = false
            context.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        }
        if readIsHeldBack {
            readIsHeldBack = false
            context.read()
        }
    }

    private func handOn() {
        guard !isHandingOn, !awaitsTurn else { return }
        isHandingOn = true
        defer { isHandingOn = false }
        let end = link.eventLoop.now + turnTime
        while let context, input.readableBytes > 0 {
            let count = min(Self.pieceBytes, input.readableBytes)
            guard let piece = input.readSlice(length: count) else { return }
            if input.readableBytes == 0 { input = ByteBuffer() }
            context.fireChannelRead(wrapInboundOut(piece))
            guard input.readableBytes > 0, link.eventLoop.now >= end else { continue }
            awaitsTurn = true
            return turns.wait(self)
        }
    }
}

@available(*, unavailable)
extension InputTurns: Sendable {}
