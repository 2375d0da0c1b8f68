import NIOCore

@testable import TLS

/// The end of a pipeline: keeps everything that comes up, in order.
final class EventRecorder: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    enum Event: Equatable {
        case read(String)
        case readComplete
        case handshake(peer: String?)
        case inputClosed
        case error(TLSError.Code)
        case otherError
        case inactive
    }

    private(set) var events: [Event] = []
    private(set) var progress: [TLSHandshakeProgress] = []
    /// Run when an event has been recorded, with the channel's context.
    var onEvent: ((Event, ChannelHandlerContext) -> Void)?

    var errors: [TLSError.Code] {
        events.compactMap { if case .error(let code) = $0 { code } else { nil } }
    }

    var text: String {
        events.compactMap { if case .read(let text) = $0 { text } else { nil } }.joined()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        record(.read(String(buffer: unwrapInboundIn(data))), context)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        record(.readComplete, context)
    }

    func channelInactive(context: ChannelHandlerContext) {
        record(.inactive, context)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if let error = error as? TLSError {
            record(.error(error.code), context)
        } else {
            record(.otherError, context)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case let event as TLSHandshakeCompleted:
            record(.handshake(peer: event.peer?.clientName), context)
        case ChannelEvent.inputClosed:
            record(.inputClosed, context)
        case let event as TLSHandshakeProgress:
            progress.append(event)
        default:
            context.fireUserInboundEventTriggered(event)
        }
    }

    private func record(_ event: Event, _ context: ChannelHandlerContext) {
        events.append(event)
        onEvent?(event, context)
    }
}

/// Counts the reads that a pipeline asks the socket for, and the writes that reach it.
final class SocketSide: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    var reads = 0
    var writes: [Int] = []
    /// While set, writes are kept unfinished here.
    var holdsWrites = false
    private var held: [EventLoopPromise<Void>] = []

    func read(context: ChannelHandlerContext) {
        reads += 1
        context.read()
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let bytes = unwrapOutboundIn(data)
        if bytes.readableBytes > 0 { writes.append(bytes.readableBytes) }
        guard holdsWrites else { return context.write(data, promise: promise) }
        if let promise { held.append(promise) }
        context.write(data, promise: nil)
    }

    func release() {
        holdsWrites = false
        for promise in held { promise.succeed() }
        held = []
    }
}
