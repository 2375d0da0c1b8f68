internal import Synchronization

/// Counts the calls of something: a version, a model, a method. Every call that began ends once,
/// with a code; 0 is success.
package final class CallMeter: Sendable {
    /// Codes are 0 to one less.
    package static let codes = 17
    /// Who may wait for calls to end at once; more are not told.
    package static let maxWatches = 1_024

    /// The model that the calls are for; empty: none in particular.
    package let model: String
    /// Its version; 0: none in particular.
    package let version: UInt64

    private let started = Atomic<UInt64>(0)
    private let finished = Atomic<UInt64>(0)
    /// By code, ``codes`` of them; that of successes is not used, since the histogram has them.
    private let ends = InlineArray<17, Atomic<UInt64>> { _ in Atomic(0) }
    private let seconds = Histogram(.latency)

    private let isWatched = Atomic<Bool>(false)
    private let watches = Mutex<[Watch]>([])

    /// Somebody who waits until as many calls have finished.
    private struct Watch {
        let finished: UInt64
        let failedBefore: UInt64
        let drained: UInt64
        let body: @Sendable (Drained) -> Void
    }

    /// What became of the calls that ran at one instant.
    package struct Drained: Sendable, Equatable {
        /// How many they were.
        package let calls: UInt64
        /// Those of them that failed.
        package let failed: UInt64

        package static let none = Drained(calls: 0, failed: 0)
    }

    package init(model: String = "", version: UInt64 = 0) {
        self.model = model
        self.version = version
    }

    /// A call began.
    package func began() {
        started.wrappingAdd(1, ordering: .relaxed)
    }

    /// A call that began has ended.
    package func ended(code: Int, afterNs: UInt64) {
        if code == 0 {
            seconds.observe(afterNs)
        } else {
            ends[min(max(code, 1), Self.codes - 1)].wrappingAdd(1, ordering: .relaxed)
        }
        // Either this sees that somebody watches, or the watcher sees this call: the two pairs of
        // write and read have one order.
        finished.wrappingAdd(1, ordering: .sequentiallyConsistent)
        if isWatched.load(ordering: .sequentiallyConsistent) { lookAtWatches() }
    }

    /// Calls `body` once when as many calls have ended as have begun by now, on the thread that
    /// ends the last of them; at once if there is none.
    package func whenDrained(_ body: @escaping @Sendable (Drained) -> Void) {
        let target = started.load(ordering: .sequentiallyConsistent)
        let failedBefore = failed
        let done = finished.load(ordering: .sequentiallyConsistent)
        let watch = Watch(
            finished: target,
            failedBefore: failedBefore,
            drained: target > done ? target - done : 0,
            body: body
        )
        let isTaken = watches.withLock { watches in
            guard watches.count < Self.maxWatches else { return false }
            watches.append(watch)
            return true
        }
        guard isTaken else { return }
        _ = isWatched.exchange(true, ordering: .sequentiallyConsistent)
        lookAtWatches()
    }

    private func lookAtWatches() {
        let done = watches.withLock { watches in
            let finished = finished.load(ordering: .sequentiallyConsistent)
            let done = watches.filter { $0.finished <= finished }
            watches.removeAll { $0.finished <= finished }
            if watches.isEmpty { isWatched.store(false, ordering: .sequentiallyConsistent) }
            return done
        }
        for watch in done {
            let failed = failed &- watch.failedBefore
            watch.body(Drained(calls: watch.drained, failed: min(failed, watch.drained)))
        }
    }
}

extension CallMeter {
    /// Calls that began and have not ended.
    package var running: UInt64 {
        let done = finished.load(ordering: .sequentiallyConsistent)
        let begun = started.load(ordering: .sequentiallyConsistent)
        return begun > done ? begun - done : 0
    }

    /// Calls that ended with a code, 1 and up.
    package func failures(code: Int) -> UInt64 {
        (1..<Self.codes).contains(code) ? ends[code].load(ordering: .relaxed) : 0
    }

    /// Calls that failed, by code, those codes that there were.
    package var failuresByCode: [(code: Int, count: UInt64)] {
        (1..<Self.codes).lazy.map { ($0, self.failures(code: $0)) }.filter { $0.1 > 0 }
    }

    /// Calls that failed.
    package var failed: UInt64 { (1..<Self.codes).reduce(0) { $0 &+ failures(code: $1) } }

    /// What the calls took that succeeded, from their arrival to their answer.
    package var latency: Histogram.Snapshot { seconds.snapshot }
}
