internal import NIOCore
internal import Wire

/// The load that one event loop makes: its connections, their pace, and what they measured. It
/// belongs to that loop.
final class LoopLoad {
    let frames: [ByteBuffer]
    let pace: LoadPlan.Pace
    let loop: any EventLoop
    private let checks: Bool
    /// Calls of all connections that wait for their answers.
    var underWay = 0
    private(set) var window = LoadWindow(start: .distantFuture, end: .distantFuture)
    private(set) var result: LoadResult
    private var connections: [LoadHandler] = []
    /// The next call of the open loop.
    private var due = NIODeadline.now()
    private var interval = TimeAmount.zero
    private var nextConnection = 0

    init(plan: LoadPlan, loop: any EventLoop) {
        frames = plan.requests.map(\.frame)
        pace = plan.pace
        checks = plan.checks
        self.loop = loop
        result = LoadResult(names: plan.requests.map(\.name))
    }

    func add(_ connection: LoadHandler) {
        connections.append(connection)
    }

    /// Begins to make calls, until the window's end.
    ///
    /// - Parameters:
    ///   - interval: Between two calls of this loop at a fixed rate.
    ///   - offset: Of its first call.
    func start(_ window: LoadWindow, interval: TimeAmount, offset: TimeAmount) {
        self.window = window
        switch pace {
        case .closed(let depth):
            let now = NIODeadline.now()
            for connection in connections {
                for _ in 0..<depth { connection.call(due: now) }
                connection.flush()
            }
        case .open:
            guard !connections.isEmpty else { return }
            self.interval = interval
            due = .now() + offset
            makeDueCalls()
        }
    }

    /// Makes all calls that are due, each on the next connection, and comes back for the next.
    private func makeDueCalls() {
        let now = NIODeadline.now()
        var touched = 0
        while due <= now, due < window.end {
            if underWay < BenchLimits.outstanding {
                connections[nextConnection].call(due: due)
                nextConnection = (nextConnection + 1) % connections.count
                touched = min(touched + 1, connections.count)
            } else if window.contains(due) {
                result.notMade += 1
            }
            due = due + interval
        }
        for step in 0..<touched {
            let index = (nextConnection + connections.count - 1 - step) % connections.count
            connections[index].flush()
        }
        guard due < window.end else { return }
        let bound = NIOLoopBound(self, eventLoop: loop)
        loop.scheduleTask(deadline: due) { bound.value.makeDueCalls() }
    }
}

@available(*, unavailable)
extension LoopLoad: Sendable {}

// MARK: - What is measured

extension LoopLoad {
    /// Of the closed loop an answer counts when it comes, of the open one when it was due.
    private func counts(since: NIODeadline, now: NIODeadline) -> Bool {
        if case .closed = pace { window.contains(now) } else { window.contains(since) }
    }

    func receive(_ header: FrameHeader, kind: Int, since: NIODeadline, now: NIODeadline) {
        guard counts(since: since, now: now) else { return }
        let nanoseconds = UInt64(max((now - since).nanoseconds, 0))
        result.kinds[kind].latencies.record(nanoseconds: nanoseconds)
        result.bytesReceived += UInt64(header.length) + UInt64(FrameHeader.byteCount)
    }

    /// Compares an answer if that is wanted, whether it is measured or not.
    func check(_ payload: ByteBuffer, kind: Int) {
        guard checks else { return }
        do throws(WireError) {
            result.answers.take(try V1.PredictResponse(decoding: payload), kind: kind)
        } catch {
            result.answers.takeUnreadable()
        }
    }

    func receive(failure: StatusCode, since: NIODeadline?, now: NIODeadline) {
        guard let since, counts(since: since, now: now) else { return }
        result.failures[failure, default: 0] += 1
        result.failureLatencies.record(nanoseconds: UInt64(max((now - since).nanoseconds, 0)))
    }

    func lose(_ count: Int, since: NIODeadline) {
        if window.contains(since) { result.unanswered += UInt64(count) }
    }

    func sent(_ bytes: Int, due: NIODeadline) {
        if window.contains(due) { result.bytesSent += UInt64(bytes) }
    }
}
