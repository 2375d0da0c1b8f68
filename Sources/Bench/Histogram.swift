/// Counts of durations with three significant digits from a nanosecond to an hour, in a fixed
/// amount of memory: Gil Tene's High Dynamic Range histogram.
///
/// Values below 2,048 have a bucket each. Above, every power of two is cut into 1,024 buckets of
/// one width, so that a value is known to better than 0.1 %.
package struct Histogram: Sendable, Equatable {
    /// The longest duration that is told apart from longer ones, in nanoseconds: an hour.
    package static let maxNanoseconds: UInt64 = 3_600_000_000_000
    private static let exactValues = 2_048
    private static let bucketsPerPower = 1_024
    /// The power of two at which a bucket is two wide.
    private static let firstPower = 11

    private var counts: [UInt64]
    /// Values that were recorded.
    package private(set) var count: UInt64 = 0
    /// The largest value recorded, exactly; 0 without any.
    package private(set) var max: UInt64 = 0
    private var sum: Double = 0

    package init() {
        counts = [UInt64](repeating: 0, count: Self.index(of: Self.maxNanoseconds) + 1)
    }

    /// Counts a duration; one over an hour counts as an hour.
    package mutating func record(nanoseconds: UInt64) {
        let value = min(nanoseconds, Self.maxNanoseconds)
        counts[Self.index(of: value)] += 1
        count += 1
        max = Swift.max(max, value)
        sum += Double(value)
    }

    /// Adds all that another one counted.
    package mutating func add(_ other: Histogram) {
        for index in counts.indices { counts[index] += other.counts[index] }
        count += other.count
        max = Swift.max(max, other.max)
        sum += other.sum
    }

    /// The mean in nanoseconds; 0 without values.
    package var mean: Double { count == 0 ? 0 : sum / Double(count) }

    /// The smallest value that at least this share of all does not exceed, in nanoseconds, rounded
    /// up to the end of its bucket; 0 without values.
    ///
    /// - Parameter quantile: 0 to 1.
    package func value(at quantile: Double) -> UInt64 {
        guard count > 0 else { return 0 }
        let share = Swift.min(Swift.max(quantile, 0), 1)
        let wanted = Swift.max(UInt64((share * Double(count)).rounded(.up)), 1)
        var seen: UInt64 = 0
        for index in counts.indices {
            seen += counts[index]
            if seen >= wanted { return Swift.min(Self.lastValue(of: index), max) }
        }
        return max
    }

    static func index(of value: UInt64) -> Int {
        guard value >= UInt64(exactValues) else { return Int(value) }
        let power = UInt64.bitWidth - 1 - value.leadingZeroBitCount
        let shift = power - firstPower + 1
        return exactValues + (shift - 1) * bucketsPerPower + Int(value >> UInt64(shift))
            - bucketsPerPower
    }

    static func lastValue(of index: Int) -> UInt64 {
        guard index >= exactValues else { return UInt64(index) }
        let (power, step) = (index - exactValues).quotientAndRemainder(dividingBy: bucketsPerPower)
        let shift = UInt64(power + 1)
        return (UInt64(bucketsPerPower + step + 1) << shift) - 1
    }
}
