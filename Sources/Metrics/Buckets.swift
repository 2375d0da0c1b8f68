/// The bounds of a histogram's buckets, ascending. The last bucket has none.
package struct Buckets: Sendable, Equatable {
    /// Bounds that a histogram may have.
    package static let maxBounds = 23

    /// What the numbers count.
    package enum Unit: Sendable, Equatable {
        case one
        /// Shown in seconds.
        case nanoseconds
    }

    /// A value that equals a bound belongs below it.
    package let bounds: [UInt64]
    package let unit: Unit

    private init(_ unit: Unit, _ bounds: [UInt64]) {
        self.unit = unit
        self.bounds = bounds
    }

    /// From 10 microseconds to 10 seconds, three a decade: what a request takes.
    package static let latency = Buckets(
        .nanoseconds,
        [10_000, 25_000, 50_000, 100_000, 250_000, 500_000]
            + [1, 2.5, 5, 10, 25, 50, 100, 250, 500].map { UInt64($0 * 1e6) }
            + [1, 2.5, 5, 10].map { UInt64($0 * 1e9) }
    )

    /// From a millisecond to five minutes: what is done once a version.
    package static let duration = Buckets(
        .nanoseconds,
        [1, 2.5, 5, 10, 25, 50, 100, 250, 500].map { UInt64($0 * 1e6) }
            + [1, 2.5, 5, 10, 30, 60, 120, 300].map { UInt64($0 * 1e9) }
    )

    /// Powers of two up to 1,024: rows of a batch.
    package static let rows = Buckets(.one, (0...10).map { 1 << $0 })

    /// The bucket that a value belongs to. Small values, of which there are many, are found first.
    func index(of value: UInt64) -> Int {
        for index in bounds.indices where value <= bounds[index] { return index }
        return bounds.count
    }
}
