internal import NIOCore

/// The connections of one loop that have answers to send at the end of the loop's present round:
/// one task for all of them.
///
/// It belongs to its loop and is used on it alone.
final class FlushRound {
    private let eventLoop: any EventLoop
    private var waiting: [ServerConnectionHandler] = []
    /// The order of the loop's connections that have work left over.
    let turns: LoopTurns

    init(of eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
        turns = LoopTurns(of: eventLoop)
    }

    /// Has a connection flush at the end of the round; it is not in the list yet.
    func add(_ handler: ServerConnectionHandler) {
        waiting.append(handler)
        guard waiting.count == 1 else { return }
        let round = NIOLoopBound(self, eventLoop: eventLoop)
        eventLoop.execute { round.value.end() }
    }

    private func end() {
        let handlers = waiting
        waiting.removeAll(keepingCapacity: true)
        for handler in handlers { handler.flushAtEndOfRound() }
    }
}

@available(*, unavailable)
extension FlushRound: Sendable {}

/// The round of each loop of a group.
struct FlushRounds: Sendable {
    private let boxes: [ObjectIdentifier: NIOLoopBoundBox<FlushRound?>]

    init(_ group: any EventLoopGroup) {
        boxes = Dictionary(
            uniqueKeysWithValues: group.makeIterator().map { loop in
                (ObjectIdentifier(loop), NIOLoopBoundBox.makeEmptyBox(eventLoop: loop))
            }
        )
    }

    /// The round of a loop of the group, on that loop; nil for another loop.
    func round(of eventLoop: any EventLoop) -> FlushRound? {
        guard let box = boxes[ObjectIdentifier(eventLoop)] else { return nil }
        if let round = box.value { return round }
        let round = FlushRound(of: eventLoop)
        box.value = round
        return round
    }
}
