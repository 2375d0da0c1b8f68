import Synchronization
import Testing

@testable import Metrics

@Suite("Counting calls")
struct CallMeterTests {
    /// What was told, in order.
    private final class Told: Sendable {
        private let drained = Mutex<[CallMeter.Drained]>([])

        var all: [CallMeter.Drained] { drained.withLock { $0 } }

        func add(_ one: CallMeter.Drained) { drained.withLock { $0.append(one) } }
    }

    private let meter = CallMeter(model: "m", version: 1)
    private let told = Told()

    private func end(_ code: Int = 0) { meter.ended(code: code, afterNs: 1_000) }

    @Test("successes are in the histogram, failures are counted by their code")
    func codes() {
        for _ in 0..<6 { meter.began() }
        for code in [0, 0, 3, 16, 3] { end(code) }
        #expect(meter.latency.count == 2)
        #expect(meter.latency.sum == 2_000)
        #expect(meter.failures(code: 3) == 2)
        #expect(meter.failuresByCode.map(\.code) == [3, 16])
        #expect(meter.failed == 3)
        #expect(meter.running == 1)
    }

    @Test("a code that there is not counts as the last one")
    func unknownCode() {
        end(17)
        end(-1)
        #expect(meter.failures(code: 16) == 1)
        #expect(meter.failures(code: 1) == 1)
        #expect(meter.failures(code: 17) == 0)
    }

    @Test("who waits for the end of what runs is told with the last of it, and once")
    func drained() {
        for _ in 0..<3 { meter.began() }
        end()
        meter.whenDrained(told.add)
        #expect(told.all.isEmpty)
        end(13)
        #expect(told.all.isEmpty)
        end()
        #expect(told.all == [CallMeter.Drained(calls: 2, failed: 1)])
        meter.began()
        end(13)
        #expect(told.all.count == 1)
    }

    @Test("where nothing runs it is told at once")
    func idle() {
        meter.began()
        end(13)
        meter.whenDrained(told.add)
        #expect(told.all == [.none])
    }

    @Test("several who wait are told each at their own time")
    func several() {
        meter.began()
        meter.whenDrained(told.add)
        meter.began()
        meter.whenDrained(told.add)
        end()
        #expect(told.all == [CallMeter.Drained(calls: 1, failed: 0)])
        end()
        #expect(told.all.last == CallMeter.Drained(calls: 2, failed: 0))
    }

    @Test("no more may wait than the limit")
    func limit() {
        meter.began()
        for _ in 0...CallMeter.maxWatches { meter.whenDrained(told.add) }
        end()
        #expect(told.all.count == CallMeter.maxWatches)
    }

    @Test("with calls ending on other threads nobody who waits is forgotten")
    func threads() async {
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    for _ in 0..<500 {
                        meter.began()
                        end()
                    }
                }
            }
            group.addTask { for _ in 0..<500 { meter.whenDrained(told.add) } }
        }
        #expect(told.all.count == 500)
    }
}
