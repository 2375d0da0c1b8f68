import Testing

@testable import Bench

@Suite("Histogram")
struct HistogramTests {
    @Test("a value lies in its bucket, which is less than 0.1 % wide")
    func buckets() {
        var value: UInt64 = 0
        while value < Histogram.maxNanoseconds {
            let index = Histogram.index(of: value)
            let last = Histogram.lastValue(of: index)
            #expect(last >= value && last - value <= value / 1_000, "\(value)")
            #expect(Histogram.index(of: last) == index, "\(value)")
            #expect(Histogram.index(of: last + 1) == index + 1, "\(value)")
            value = value * 9 / 7 + 1
        }
    }

    @Test("quantiles are those of the sorted values")
    func quantiles() {
        var histogram = Histogram()
        var values = (0..<5_000).map { UInt64($0 * $0 % 7_919) * 1_000 }
        for value in values { histogram.record(nanoseconds: value) }
        values.sort()
        #expect(histogram.count == 5_000)
        #expect(histogram.max == values.last)
        for quantile in [0.0, 0.01, 0.5, 0.9, 0.99, 0.999, 1.0] {
            let rank = max(Int((quantile * 5_000).rounded(.up)), 1)
            let exact = values[rank - 1]
            let found = histogram.value(at: quantile)
            #expect(found >= exact && found - exact <= exact / 1_000, "\(quantile)")
        }
    }

    @Test("nothing recorded is nothing everywhere; more than an hour is an hour")
    func ends() {
        var histogram = Histogram()
        #expect(histogram.value(at: 0.5) == 0 && histogram.mean == 0 && histogram.max == 0)
        histogram.record(nanoseconds: .max)
        #expect(histogram.max == Histogram.maxNanoseconds)
        #expect(histogram.value(at: 1) == Histogram.maxNanoseconds)
    }

    @Test("two added count as all values in one")
    func adding() {
        var (one, two, all) = (Histogram(), Histogram(), Histogram())
        for value in 0..<1_000 {
            all.record(nanoseconds: UInt64(value * value))
            if value % 3 == 0 {
                one.record(nanoseconds: UInt64(value * value))
            } else {
                two.record(nanoseconds: UInt64(value * value))
            }
        }
        one.add(two)
        #expect(one == all)
    }
}
