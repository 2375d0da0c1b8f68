import Testing

@testable import Metrics

@Suite("Histograms")
struct HistogramTests {
    @Test("a value that equals a bound belongs below it, one more above", arguments: 0..<19)
    func bounds(index: Int) {
        let bound = Buckets.latency.bounds[index]
        let histogram = Histogram(.latency)
        histogram.observe(bound)
        histogram.observe(bound + 1)
        var expected = [UInt64](repeating: 0, count: 20)
        expected[index] = 1
        expected[index + 1] = 1
        #expect(histogram.snapshot.counts == expected)
        #expect(histogram.snapshot.sum == 2 * bound + 1)
    }

    @Test("0 is in the first bucket, the largest value in the last")
    func extremes() {
        let histogram = Histogram(.rows)
        histogram.observe(0)
        histogram.observe(.max)
        #expect(histogram.snapshot.counts == [1] + [UInt64](repeating: 0, count: 10) + [1])
        #expect(histogram.snapshot.count == 2)
    }

    @Test("a value that occurs n times is added n times")
    func times() {
        let histogram = Histogram(.rows)
        histogram.observe(8, times: 3)
        #expect(histogram.snapshot.count == 3)
        #expect(histogram.snapshot.sum == 24)
    }

    @Test("bounds ascend, and there are no more than a histogram has room for")
    func room() {
        for buckets in [Buckets.latency, .duration, .rows] {
            #expect(buckets.bounds == buckets.bounds.sorted())
            #expect(Set(buckets.bounds).count == buckets.bounds.count)
            #expect(buckets.bounds.count <= Buckets.maxBounds)
        }
    }

    @Test("no value of several threads is lost")
    func threads() async {
        let histogram = Histogram(.rows)
        await withTaskGroup(of: Void.self) { group in
            for value in 1...4 as ClosedRange<UInt64> {
                group.addTask { for _ in 0..<1_000 { histogram.observe(value) } }
            }
        }
        #expect(histogram.snapshot.count == 4_000)
        #expect(histogram.snapshot.sum == 10_000)
    }
}
