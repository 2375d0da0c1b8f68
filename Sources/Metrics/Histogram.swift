internal import Synchronization

/// How often values fell into each of some buckets, and their sum; from any thread, two additions
/// a value, no lock, no allocation.
package final class Histogram: Sendable {
    /// What a histogram held at one instant, give or take what was being added.
    package struct Snapshot: Sendable, Equatable {
        package let buckets: Buckets
        /// Of each bucket by itself; the last one has no bound.
        package let counts: [UInt64]
        package let sum: UInt64

        package init(_ buckets: Buckets, counts: [UInt64], sum: UInt64) {
            self.buckets = buckets
            self.counts = counts
            self.sum = sum
        }

        package var count: UInt64 { counts.reduce(0, &+) }
    }

    private let buckets: Buckets
    /// One more than ``Buckets/maxBounds``.
    private let counts = InlineArray<24, Atomic<UInt64>> { _ in Atomic(0) }
    private let sum = Atomic<UInt64>(0)

    package init(_ buckets: Buckets) {
        self.buckets = buckets
    }

    /// Adds a value, `times` times.
    package func observe(_ value: UInt64, times: UInt64 = 1) {
        counts[buckets.index(of: value)].wrappingAdd(times, ordering: .relaxed)
        sum.wrappingAdd(value &* times, ordering: .relaxed)
    }

    package var snapshot: Snapshot {
        Snapshot(
            buckets,
            counts: (0...buckets.bounds.count).map { counts[$0].load(ordering: .relaxed) },
            sum: sum.load(ordering: .relaxed)
        )
    }
}
