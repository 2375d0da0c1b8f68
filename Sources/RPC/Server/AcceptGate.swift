internal import NIOCore

/// Sits on a listening channel and accepts nothing while as many handshakes run as may: who
/// comes then waits in the kernel's backlog, and is not turned away.
final class AcceptGate: ChannelOutboundHandler {
    typealias OutboundIn = Channel
    typealias OutboundOut = Channel

    private let connections: ConnectionTable
    private var isWaiting = false

    init(connections: ConnectionTable) {
        self.connections = connections
    }

    func read(context: ChannelHandlerContext) {
        guard !isWaiting else { return }
        let bound = NIOLoopBound((gate: self, context: context), eventLoop: context.eventLoop)
        let mayAccept = connections.mayAccept {
            bound.eventLoop.execute {
                bound.value.gate.isWaiting = false
                bound.value.gate.read(context: bound.value.context)
            }
        }
        if mayAccept {
            context.read()
        } else {
            isWaiting = true
        }
    }
}

@available(*, unavailable)
extension AcceptGate: Sendable {}
