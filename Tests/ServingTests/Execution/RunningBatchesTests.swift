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

    @Test("a model with a long run leaves the last free thread to others")
    func lastThread() throws {
        let (slow, other) = (
            try BatchBench(plan: .alone(""), model: "slow"), try BatchBench(model: "other")
        )
        var queue = BatchQueue(threads: 2)
        for id in 0..<2 { queue.add(slow.job(id)) }
        #expect(model(queue.take(atNs: 0)) == "slow")
        #expect(queue.take(atNs: Self.long) == nil)
        queue.add(other.job(0))
        #expect(model(queue.take(atNs: Self.long)) == "other")
    }

    @Test("a run that is not long yet keeps its model from nothing")
    func youngRun() throws {
        let slow = try BatchBench(plan: .alone(""), model: "slow")
        var queue = BatchQueue(threads: 2)
        for id in 0..<2 { queue.add(slow.job(id)) }
        _ = queue.take(atNs: 0)
        #expect(model(queue.take(atNs: Self.long - 1)) == "slow")
    }

    @Test("a thread that is not the last free one is taken in spite of a long run")
    func moreThreads() throws {
        let slow = try BatchBench(plan: .alone(""), model: "slow")
        var queue = BatchQueue(threads: 3)
        for id in 0..<3 { queue.add(slow.job(id)) }
        _ = queue.take(atNs: 0)
        #expect(model(queue.take(atNs: Self.long)) == "slow")
        #expect(queue.take(atNs: Self.long) == nil)
    }

    @Test("versions of one model count together")
    func versions() throws {
        let (first, second) = (
            try BatchBench(plan: .alone(""), model: "slow"),
            try BatchBench(plan: .alone(""), model: "slow")
        )
        var queue = BatchQueue(threads: 2)
        queue.add(first.job(0))
        _ = queue.take(atNs: 0)
        queue.add(second.job(1))
        #expect(queue.take(atNs: Self.long) == nil)
    }

    @Test("what had to wait has its turn when a run ends, and a thread is woken for it")
    func released() throws {
        let slow = try BatchBench(plan: .alone(""), model: "slow")
        var queue = BatchQueue(threads: 2)
        for id in 0..<2 { queue.add(slow.job(id)) }
        let firstTaken = queue.take(atNs: 0)
        let first = try #require(firstTaken)
        _ = queue.take(atNs: Self.long)
        let ended = queue.ended(first)
        #expect(ended.isAwaited && ended.released == 1)
        #expect(model(queue.take(atNs: Self.long)) == "slow")
    }

    @Test(
        "a pool has a thread more for each model with a long run, up to a bound, and not for good"
    )
    func relief() throws {
        let count = RunningBatches.maxReliefThreads + 2
        let benches = try (0..<count).map { try BatchBench(model: "slow-\($0)") }
        var queue = queue(benches, threads: 2)
        let taken = (0..<2).compactMap { _ in queue.take(atNs: 0) }
        #expect(queue.relieve(atNs: Self.long - 1).added == 0)
        #expect(queue.relieve(atNs: Self.long).added == 2)
        #expect(queue.relieve(atNs: Self.long).added == 0)
        var more = (2..<count).compactMap { _ in queue.take(atNs: Self.long) }
        #expect(more.count == 2)
        #expect(queue.relieve(atNs: 2 * Self.long).added == RunningBatches.maxReliefThreads - 2)
        more += (4..<count).compactMap { _ in queue.take(atNs: 2 * Self.long) }
        #expect(more.count == count - 2)
        #expect(queue.relieve(atNs: 3 * Self.long).added == 0)
        for batch in taken + more { _ = queue.ended(batch) }
        let surplus = (0..<count).filter { _ in queue.retire(atNs: 3 * Self.long) }
        #expect(surplus.count == RunningBatches.maxReliefThreads)
        #expect(queue.running.threads == 2)
    }

    @Test("two long runs of a model on all threads, begun at once, leave one to others")
    func bothThreads() throws {
        let (slow, other) = (
            try BatchBench(plan: .alone(""), model: "slow"), try BatchBench(model: "other")
        )
        var queue = BatchQueue(threads: 2)
        for id in 0..<4 { queue.add(slow.job(id)) }
        for _ in 0..<2 { _ = queue.take(atNs: 0) }
        #expect(queue.relieve(atNs: Self.long).added == 1)
        #expect(queue.take(atNs: Self.long) == nil)
        queue.add(other.job(0))
        #expect(model(queue.take(atNs: Self.long)) == "other")
    }

    @Test("a thread that was added for a long run is not taken by the young runs that follow it")
    func surplus() throws {
        let (slow, other) = (
            try BatchBench(plan: .alone(""), model: "slow"), try BatchBench(model: "other")
        )
        var queue = BatchQueue(threads: 2)
        queue.add(slow.job(0))
        let firstTaken = queue.take(atNs: 0)
        let first = try #require(firstTaken)
        #expect(queue.relieve(atNs: Self.long).added == 1)
        for id in 1..<6 { queue.add(slow.job(id)) }
        _ = queue.ended(first)
        for _ in 0..<2 { #expect(model(queue.take(atNs: Self.long)) == "slow") }
        queue.add(other.job(0))
        #expect(queue.take(atNs: Self.long) == nil)
        // The thread wakes another one for that, and ends.
        #expect(queue.hasReady && queue.retire(atNs: Self.long))
        #expect(queue.relieve(atNs: 2 * Self.long).added == 1)
        #expect(model(queue.take(atNs: 2 * Self.long)) == "other")
    }

    @Test("at the end of a server, what waits is run on every thread that there is")
    func surplusAtEnd() throws {
        let slow = try BatchBench(plan: .alone(""), model: "slow")
        var queue = BatchQueue(threads: 1)
        queue.add(slow.job(0))
        let firstTaken = queue.take(atNs: 0)
        let first = try #require(firstTaken)
        _ = queue.relieve(atNs: Self.long)
        for id in 1..<3 { queue.add(slow.job(id)) }
        _ = queue.ended(first)
        _ = queue.stop()
        #expect(queue.take(atNs: Self.long) != nil && queue.take(atNs: Self.long) != nil)
    }

    @Test("what waits for a run that goes on past its limit waits no longer than the queue may")
    func refused() throws {
        let patience = 3 * Self.long
        let slow = try BatchBench(plan: .alone(""), model: "slow")
        var queue = BatchQueue(threads: 2)
        queue.add(slow.job(0))
        let anyTaken = queue.take(atNs: 0)
        let taken = try #require(anyTaken)
        for id in 1..<4 { _ = queue.add(slow.job(id), atNs: Self.long) }
        #expect(queue.take(atNs: Self.long) == nil)
        #expect(queue.giveUpHeld(patienceNs: patience, atNs: 100 * Self.long).isEmpty)
        queue.hold(taken.number)
        #expect(queue.giveUpHeld(patienceNs: patience, atNs: Self.long + patience).isEmpty)
        #expect(queue.giveUpHeld(patienceNs: patience, atNs: Self.long + patience + 1).count == 3)
        #expect(queue.giveUpHeld(patienceNs: patience, atNs: 100 * Self.long).isEmpty)
        _ = queue.ended(taken)
        #expect(queue.take(atNs: 100 * Self.long) == nil)
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
