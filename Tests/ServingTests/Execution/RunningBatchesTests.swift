import Engine
import EngineTesting
import Testing

@testable import Serving

@Suite("The threads that one model may hold")
struct RunningBatchesTests {
    private static let long = RunningBatches.longNs

    private func queue(_ benches: [BatchBench], threads: Int) -> BatchQueue {
        var queue = BatchQueue(threads: threads)
        for (index, bench) in benches.enumerated() { queue.add(bench.job(index)) }
        return queue
    }

    private func model(_ taken: BatchQueue.Taken?) -> String? { taken?.batch.first?.slot.id.model }

    private func take(_ queue: inout BatchQueue) throws -> BatchQueue.Taken {
        let taken = queue.take(atNs: 0)
        return try #require(taken)
    }

    @Test("a model takes the pool's own threads, and no relief thread")
    func ownThreads() throws {
        let slow = try BatchBench(plan: .alone(""), model: "slow")
        var queue = BatchQueue(threads: 2)
        for id in 0..<4 { queue.add(slow.job(id)) }
        for _ in 0..<2 { #expect(model(queue.take(atNs: 0)) == "slow") }
        #expect(queue.relieve(atNs: Self.long) == false)
        #expect(queue.take(atNs: 0) == nil)
    }

    @Test("a model without a run begins one beside the long runs of another on all threads")
    func relief() throws {
        let (slow, other) = (
            try BatchBench(plan: .alone(""), model: "slow"), try BatchBench(model: "other")
        )
        var queue = BatchQueue(threads: 2)
        for id in 0..<6 { queue.add(slow.job(id)) }
        let runs = try (0..<2).map { _ in try take(&queue) }
        queue.add(other.job(0))
        #expect(queue.relieve(atNs: Self.long) == true)
        #expect(queue.running.threads == 3)
        #expect(queue.relieve(atNs: Self.long) == false)
        let beyond = try take(&queue)
        #expect(model(beyond) == "other")
        queue.add(other.job(1))
        // Its second run waits for the end of one, as those of the first model do.
        #expect(queue.relieve(atNs: Self.long) == false)
        #expect(queue.take(atNs: 0) == nil)
        #expect(queue.ended(beyond).isAwaited == true)
        #expect(model(queue.take(atNs: 0)) == "other")
        #expect(queue.ended(runs[0]).isAwaited == true)
        #expect(queue.take(atNs: 0) == nil)
    }

    @Test(
        "short runs and young ones call for no relief, those of a model with slow runs do at once"
    )
    func slowModels() throws {
        let (slow, other) = (
            try BatchBench(plan: .alone(""), model: "slow"), try BatchBench(model: "other")
        )
        for (tookNs, isSlow) in [(RunningBatches.slowNs - 1, false), (RunningBatches.slowNs, true)]
        {
            var queue = BatchQueue(threads: 1)
            queue.add(slow.job(0))
            _ = queue.ended(try take(&queue), atNs: tookNs)
            queue.add(slow.job(1))
            #expect(model(queue.take(atNs: tookNs)) == "slow")
            queue.add(other.job(1))
            #expect(queue.relieve(atNs: tookNs + 1) == isSlow)
        }
    }

    @Test("a slow run is forgotten after a while")
    func forgotten() throws {
        let (slow, other) = (
            try BatchBench(plan: .alone(""), model: "slow"), try BatchBench(model: "other")
        )
        let end = RunningBatches.slowNs + RunningBatches.memoryNs
        for (atNs, isSlow) in [(end - 1, true), (end, false)] {
            var queue = BatchQueue(threads: 1)
            queue.add(slow.job(0))
            _ = queue.ended(try take(&queue), atNs: RunningBatches.slowNs)
            queue.add(slow.job(1))
            _ = queue.take(atNs: atNs)
            queue.add(other.job(1))
            #expect(queue.relieve(atNs: atNs) == isSlow)
        }
    }

    @Test("versions of one model count together")
    func versions() throws {
        let (first, second) = (
            try BatchBench(plan: .alone(""), model: "slow"),
            try BatchBench(plan: .alone(""), model: "slow")
        )
        var queue = BatchQueue(threads: 1)
        queue.add(first.job(0))
        _ = try take(&queue)
        queue.add(second.job(1))
        #expect(queue.relieve(atNs: Self.long) == false)
        #expect(queue.take(atNs: 0) == nil)
    }

    @Test("a request that had to wait has its turn when a run ends, and a thread is woken for it")
    func released() throws {
        let slow = try BatchBench(plan: .alone(""), model: "slow")
        var queue = BatchQueue(threads: 1)
        for id in 0..<2 { queue.add(slow.job(id)) }
        let first = try take(&queue)
        #expect(queue.take(atNs: 0) == nil)
        let ended = queue.ended(first)
        #expect(ended.isAwaited && ended.released == 1)
        #expect(model(queue.take(atNs: 0)) == "slow")
    }

    @Test("relief threads are added up to a bound, and end when the pool's own are enough")
    func bound() throws {
        let count = RunningBatches.maxReliefThreads + 3
        var queue = queue(try (0..<count).map { try BatchBench(model: "slow-\($0)") }, threads: 2)
        var taken = try (0..<2).map { _ in try take(&queue) }
        for _ in 0..<RunningBatches.maxReliefThreads {
            #expect(queue.relieve(atNs: Self.long) == true)
            taken.append(try take(&queue))
        }
        #expect(queue.relieve(atNs: Self.long) == false)
        #expect(queue.dismiss() == false)
        #expect(queue.retire() == false)
        for batch in taken { _ = queue.ended(batch) }
        for _ in 0..<RunningBatches.maxReliefThreads {
            #expect(queue.dismiss() == true)
            #expect(queue.retire() == true)
            #expect(queue.retire() == false)
        }
        #expect(queue.dismiss() == false)
        #expect(queue.running.threads == 2)
    }

    @Test("a relief thread that the system does not start is not counted")
    func startFailed() throws {
        var queue = queue(
            [try BatchBench(model: "one"), try BatchBench(model: "other")],
            threads: 1
        )
        _ = try take(&queue)
        #expect(queue.relieve(atNs: Self.long) == true)
        queue.startFailed()
        #expect(queue.running.threads == 1)
        #expect(queue.relieve(atNs: Self.long) == true)
    }

    @Test("at the end of a server, what waits is run on every thread that there is")
    func atEnd() throws {
        let slow = try BatchBench(plan: .alone(""), model: "slow")
        var queue = BatchQueue(threads: 1)
        for id in 0..<3 { queue.add(slow.job(id)) }
        _ = try take(&queue)
        _ = queue.stop()
        for _ in 0..<2 { #expect(queue.take(atNs: 0) != nil) }
        #expect(queue.relieve(atNs: Self.long) == false)
    }

    @Test("what waits for a run that goes on past its limit waits no longer than the queue may")
    func refused() throws {
        let (begin, patience) = (1_000 as UInt64, 3_000 as UInt64)
        let slow = try BatchBench(plan: .alone(""), model: "slow")
        var queue = BatchQueue(threads: 1)
        queue.add(slow.job(0))
        let taken = try take(&queue)
        for id in 1..<4 { _ = queue.add(slow.job(id), atNs: begin) }
        #expect(queue.giveUpHeld(patienceNs: patience, atNs: 100 * begin).isEmpty)
        queue.hold(taken.number)
        #expect(queue.giveUpHeld(patienceNs: patience, atNs: begin + patience).isEmpty)
        #expect(queue.giveUpHeld(patienceNs: patience, atNs: begin + patience + 1).count == 3)
        #expect(queue.giveUpHeld(patienceNs: patience, atNs: 100 * begin).isEmpty)
        _ = queue.ended(taken)
        #expect(queue.take(atNs: 100 * begin) == nil)
    }

    @Test("in a host, a request that runs exclusively has the host to itself")
    func exclusive() throws {
        let bench = try BatchBench(plan: .alone(""))
        var queue = BatchQueue(threads: 3, isShared: false)
        queue.add(bench.job(0))
        let firstTaken = queue.take(atNs: 0)
        let first = try #require(firstTaken)
        _ = queue.putBack(Job(again: bench.job(1), isExclusive: true), atNs: 0)
        queue.add(bench.job(2))
        #expect(queue.take(atNs: 0) == nil)
        #expect(queue.ended(first).released == 1)
        let secondTaken = queue.take(atNs: 0)
        let second = try #require(secondTaken)
        #expect(second.batch.first?.isExclusive == true)
        #expect(queue.take(atNs: 0) == nil)
        #expect(!queue.running.hadCompany(second.number))
        #expect(queue.ended(second).released == 1)
        #expect(queue.take(atNs: 0)?.batch.count == 1)
    }

    @Test("runs that overlap have had company, also the one that began first")
    func company() throws {
        let bench = try BatchBench(plan: .alone(""))
        var queue = BatchQueue(threads: 2, isShared: false)
        for id in 0..<3 { queue.add(bench.job(id)) }
        let firstTaken = queue.take(atNs: 0)
        let first = try #require(firstTaken)
        #expect(!queue.running.hadCompany(first.number))
        let secondTaken = queue.take(atNs: 0)
        let second = try #require(secondTaken)
        #expect(queue.running.hadCompany(first.number) && queue.running.hadCompany(second.number))
        _ = queue.ended(first)
        _ = queue.ended(second)
        let thirdTaken = queue.take(atNs: 0)
        let third = try #require(thirdTaken)
        #expect(!queue.running.hadCompany(third.number))
    }
}
