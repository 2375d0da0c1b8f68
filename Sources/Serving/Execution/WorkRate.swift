internal import Synchronization

/// The measured time that work takes, by its rows: a ratio of fading sums, in nanoseconds.
///
/// A ratio of sums, not a mean of ratios: where requests of one row and of a hundred take about the
/// same time, it still gives the time of a queue that holds both. A request with far more rows than
/// those that were measured counts as ``maxScale`` of them: most of what a small one takes is no
/// work of its rows.
final class WorkRate: Sendable {
    /// The bounds of a retry delay, in nanoseconds.
    static let retryNs: ClosedRange<UInt64> = 1_000_000...5_000_000_000
    /// The retry delay before anything was measured.
    static let unknownRetryNs: UInt64 = 100_000_000
    /// The weight of a measurement beside those before it.
    private static let weight = 1.0 / 8
    /// A measurement counts as at most so many times the expected time: a pause of the whole
    /// machine is one measurement, and a model that has become slower gives many.
    private static let maxSurprise = 4.0

    /// The most that the time of a request, or of a run, is taken to exceed a measured one by.
    private static let maxScale = 64.0

    /// Means over the measurements, the last ones weighing most.
    private struct Means {
        var ns = 0.0
        var rows = 0.0
        var requests = 0.0

        /// The time of work of so many rows, as far as that is known.
        func expectedNs(rows: Int) -> Double { self.rows > 0 ? ns / self.rows * Double(rows) : 0 }

        mutating func add(_ work: QueueWork, ns measured: Double) {
            let weight = rows > 0 ? WorkRate.weight : 1
            ns += (measured - ns) * weight
            rows += (Double(work.rows) - rows) * weight
            requests += (Double(work.requests) - requests) * weight
        }
    }

    private let means = Mutex(Means())
    // Relaxed: it only ever becomes true, and the means are read under their lock.
    private let known = Atomic<Bool>(false)

    /// Whether anything was measured.
    var isKnown: Bool { known.load(ordering: .relaxed) }

    /// Notes that work was done, or left a queue that was never empty meanwhile, in some
    /// nanoseconds.
    func took(_ work: QueueWork, ns: UInt64) {
        guard work.rows > 0 else { return }
        means.withLock { means in
            let expected = max(means.expectedNs(rows: work.rows), means.ns)
            let most = expected > 0 ? expected * Self.maxSurprise : .infinity
            means.add(work, ns: min(Double(max(ns, 1)), most))
        }
        known.store(true, ordering: .relaxed)
    }

    /// Notes a time that the work takes at most: a measurement made in a bad hour must not refuse
    /// requests in a good one.
    func tookAtMost(_ work: QueueWork, ns: UInt64) {
        let isNews = means.withLock { means in
            means.rows == 0 || Double(ns) < means.expectedNs(rows: work.rows)
        }
        if isNews { took(work, ns: ns) }
    }

    /// The time that work is expected to take; 0 if nothing was measured.
    func expectedNs(_ work: QueueWork) -> UInt64 {
        Self.whole(
            means.withLock { means in
                guard means.requests > 0 else { return 0 }
                let most = means.ns / means.requests * Double(work.requests) * Self.maxScale
                return min(means.expectedNs(rows: work.rows), most)
            }
        )
    }

    /// The time that one measured unit, such as a run, is expected to take if it holds so many rows.
    func unitNs(rows: Int) -> UInt64 {
        Self.whole(
            means.withLock { means in
                min(max(means.ns, means.expectedNs(rows: rows)), means.ns * Self.maxScale)
            }
        )
    }

    /// The delay after which so many requests that wait now are expected to be done.
    func retryAfterNs(requests: Int) -> UInt64 {
        let ns = means.withLock { means in
            means.requests > 0 ? means.ns / means.requests * Double(requests) : nil
        }
        return Self.retry(afterNs: ns.map(Self.whole))
    }

    /// A retry delay within its bounds.
    /// - Parameter ns: the expected time; nil: not known.
    static func retry(afterNs ns: UInt64?) -> UInt64 {
        guard let ns else { return unknownRetryNs }
        return min(max(ns, retryNs.lowerBound), retryNs.upperBound)
    }

    private static func whole(_ ns: Double) -> UInt64 { UInt64(exactly: ns.rounded()) ?? .max }
}
