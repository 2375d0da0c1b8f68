import Testing

@testable import Serving

@Suite("How fast work is done")
struct WorkRateTests {
    private func work(_ requests: Int, rows: Int? = nil) -> QueueWork {
        QueueWork(requests: requests, rows: rows ?? requests)
    }

    @Test("a retry delay grows with the queue, between its bounds")
    func retry() {
        let rate = WorkRate()
        #expect(!rate.isKnown)
        #expect(rate.expectedNs(work(100)) == 0)
        #expect(rate.retryAfterNs(requests: 100) == WorkRate.unknownRetryNs)
        rate.took(work(10, rows: 20), ns: 10_000_000)
        #expect(rate.isKnown)
        #expect(rate.expectedNs(work(7)) == 3_500_000)
        #expect(rate.retryAfterNs(requests: 7) == 7_000_000)
        #expect(rate.retryAfterNs(requests: 0) == WorkRate.retryNs.lowerBound)
        #expect(rate.retryAfterNs(requests: 5_000) == WorkRate.retryNs.upperBound)
        #expect(rate.retryAfterNs(requests: 5_001) == WorkRate.retryNs.upperBound)
        #expect(rate.expectedNs(work(.max)) == .max)
    }

    @Test("the past fades, and an upper bound only ever makes it shorter")
    func fading() {
        let rate = WorkRate()
        rate.took(work(1), ns: 8_000_000)
        rate.tookAtMost(work(1), ns: 80_000_000)
        #expect(rate.expectedNs(work(1)) == 8_000_000)
        for _ in 0..<100 { rate.tookAtMost(work(2), ns: 2_000) }
        #expect(rate.expectedNs(work(1)) < 10_000)
    }

    @Test("work of few and of many rows that takes as long is reckoned by what it holds together")
    func mixed() {
        let rate = WorkRate()
        for _ in 0..<200 {
            rate.took(work(1), ns: 1_000_000)
            rate.took(work(1, rows: 99), ns: 1_000_000)
        }
        // A hundred rows in two requests take two milliseconds.
        #expect((1_500_000...2_500_000).contains(rate.expectedNs(work(2, rows: 100))))
    }

    @Test("a request of far more rows than were measured counts as 64 measured ones at most")
    func scale() {
        let rate = WorkRate()
        rate.took(work(1), ns: 100_000)
        #expect(rate.expectedNs(work(1, rows: 64)) == 6_400_000)
        #expect(rate.expectedNs(work(1, rows: 65)) == 6_400_000)
        #expect(rate.expectedNs(work(2, rows: 1_000_000)) == 12_800_000)
        #expect(rate.unitNs(rows: 1_000_000) == 6_400_000)
        // Many requests take as long as they are many.
        #expect(rate.expectedNs(work(1_000)) == 100_000_000)
    }

    @Test("a pause of the machine counts little, and a model that became slower is soon known")
    func surprise() {
        let rate = WorkRate()
        for _ in 0..<50 { rate.took(work(1), ns: 45_000) }
        rate.took(work(1), ns: 50_000_000)
        #expect(rate.expectedNs(work(1_024)) < 1_000_000_000 / 10)
        for _ in 0..<40 { rate.took(work(1), ns: 50_000_000) }
        #expect(rate.expectedNs(work(1)) > 40_000_000)
    }

    @Test("a run of more rows than usual takes longer than the usual one, and of fewer as long")
    func unit() {
        let rate = WorkRate()
        #expect(rate.unitNs(rows: 5) == 0)
        rate.took(work(1, rows: 10), ns: 10_000)
        #expect(rate.unitNs(rows: 1) == 10_000)
        #expect(rate.unitNs(rows: 20) == 20_000)
    }

    @Test("work without a row is no measurement")
    func nothing() {
        let rate = WorkRate()
        rate.took(QueueWork(), ns: 1_000)
        #expect(!rate.isKnown)
    }
}
