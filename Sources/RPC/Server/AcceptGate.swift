internal import NIOCore

/// The outbound handler of a listening channel that holds back its reads, and so accepts nothing,
/// while as many handshakes run as may. New connections then wait in the kernel's backlog.
final class AcceptGate: ChannelOutboundHandler {
    typealias OutboundIn = Channel
    typealias OutboundOut = Channel

    private let connections: ConnectionTable
    /// Fires when a handshake under way may be dropped; nil: reads are not held back.
    private var timer: Scheduled<Void>?

    init(connections: ConnectionTable) {
        self.connections = connections
    }

    func read(context: ChannelHandlerContext) {
        guard timer == nil else { return }
        let bound = NIOLoopBound((gate: self, context: context), eventLoop: context.eventLoop)
        let gate = connections.gate(ObjectIdentifier(self)) {
            bound.eventLoop.execute { bound.value.gate.readAgain(bound.value.context) }
        }
        switch gate {
        case .open:
            context.read()
        case .closed(let until):
            timer = context.eventLoop.scheduleTask(deadline: until) {
                bound.value.gate.readAgain(bound.value.context)
            }
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        timer?.cancel()
    }

    private func readAgain(_ context: ChannelHandlerContext) {
        guard let timer else { return }
        timer.cancel()
        self.timer = nil
        guard context.channel.isActive else { return }
        read(context: context)
    }
}

@available(*, unavailable)
extension AcceptGate: Sendable {}
