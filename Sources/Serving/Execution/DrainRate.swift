internal import Synchronization

/// How long a model's queue takes for each request that it lets go, threads and other models'
/// turns included: measured, with the past fading.
final class DrainRate: Sendable {
    /// What a refused caller is told to wait, in nanoseconds.
    static let retryNs: ClosedRange<UInt64> = 1_000_000...5_000_000_000
    /// What it is told before anything was measured.
    static let unknownRetryNs: UInt64 = 100_000_000
    /// A measurement's weight is one in so many.
    private static let fading: UInt64 = 8

    /// Nanoseconds a request; 0: not known. Relaxed: it is a measurement and orders no memory.
    private let requestNs = Atomic<UInt64>(0)

    /// So many requests left a queue in a time in which it was never empty.
    func drained(requests: Int, inNs ns: UInt64) {
        let measured = max(ns / UInt64(max(requests, 1)), 1)
        let known = requestNs.load(ordering: .relaxed)
        requestNs.store(known == 0 ? measured : Self.mean(known, measured), ordering: .relaxed)
    }

    /// So many requests were run in a time, and none waited behind them: the queue is no slower
    /// than that. What was measured in a bad hour must not refuse callers in a good one.
    func ran(requests: Int, inNs ns: UInt64) {
        let measured = max(ns / UInt64(max(requests, 1)), 1)
        let known = requestNs.load(ordering: .relaxed)
        guard known == 0 || measured < known else { return }
        requestNs.store(known == 0 ? measured : Self.mean(known, measured), ordering: .relaxed)
    }

    /// How long so many requests take to leave; 0 if that is not known.
    func expectedNs(requests: Int) -> UInt64 {
        guard requests > 0 else { return 0 }
        let each = requestNs.load(ordering: .relaxed)
        let (ns, overflow) = each.multipliedReportingOverflow(by: UInt64(requests))
        return overflow ? .max : ns
    }

    /// When to ask again where so many requests wait.
    func retryAfterNs(requests: Int) -> UInt64 {
        guard requestNs.load(ordering: .relaxed) > 0 else { return Self.unknownRetryNs }
        let ns = expectedNs(requests: requests)
        return min(max(ns, Self.retryNs.lowerBound), Self.retryNs.upperBound)
    }

    private static func mean(_ known: UInt64, _ measured: UInt64) -> UInt64 {
        // Not below 1, which would be "not known".
        max(known - known / fading + measured / fading, 1)
    }
}
