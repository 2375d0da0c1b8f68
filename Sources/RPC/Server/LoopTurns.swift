internal import DequeModule
internal import NIOCore
internal import TLS

/// A first-in, first-out queue of the channels of one loop that have work left over: input that
/// was read and not looked at, and handshakes that were not started.
///
/// The queue runs for ``roundTime`` and then leaves the loop to its sockets and tasks for
/// ``pauseTime``, so that a connection with little to do never waits for the whole queue. It
/// holds each channel at most once. It belongs to its loop and is used on it alone.
final class LoopTurns: TurnQueue {
    /// Time after which the queue gives no more turns in one round of the loop.
    static let roundTime = TimeAmount.microseconds(500)
    /// Time until the queue goes on. A task without a delay would run in the same round, before
    /// the sockets are looked at.
    static let pauseTime = TimeAmount.microseconds(100)

    private let eventLoop: any EventLoop
    private var waiting: Deque<any TurnTaker> = []
    private var isScheduled = false
    /// When the present round began, for turns that are given at once, and what they took.
    private var roundBegan = NIODeadline.uptimeNanoseconds(0)
    private var roundSpent = TimeAmount.zero

    init(of eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    func take(_ taker: any TurnTaker) {
        let now = eventLoop.now
        if now - roundBegan >= Self.roundTime + Self.pauseTime {
            roundBegan = now
            roundSpent = .zero
        }
        guard waiting.isEmpty, roundSpent < Self.roundTime else { return wait(taker) }
        taker.takeTurn()
        roundSpent = roundSpent + (eventLoop.now - now)
    }

    func wait(_ taker: any TurnTaker) {
        waiting.append(taker)
        guard !isScheduled else { return }
        schedule()
    }

    private func schedule() {
        isScheduled = true
        let turns = NIOLoopBound(self, eventLoop: eventLoop)
        eventLoop.scheduleTask(in: Self.pauseTime) { turns.value.run() }
    }

    /// Those that wait now get at most one turn each.
    private func run() {
        let end = eventLoop.now + Self.roundTime
        for _ in 0..<waiting.count {
            guard let taker = waiting.popFirst() else { break }
            taker.takeTurn()
            guard eventLoop.now < end else { break }
        }
        isScheduled = false
        if !waiting.isEmpty { schedule() }
    }
}

@available(*, unavailable)
extension LoopTurns: Sendable {}
