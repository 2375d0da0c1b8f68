import Engine
import EngineTesting
import Testing
import Text

@testable import Serving

@Suite("The queue of batches")
struct BatchQueueTests {
    private final class Source {}

    /// The ids of a batch, found by the value that each request's first number is.
    private func ids(_ taken: BatchQueue.Taken?) -> [Int]? {
        taken?.batch.map { Int(floats($0.request.inputs[0].bytes.copied())[0]) }
    }

    private func job(
        _ bench: BatchBench,
        _ id: Int,
        rows: Int = 1,
        columns: Int = 4,
        outputs: [ExactString] = [],
        source: Source? = nil
    ) -> Job {
        bench.job(
            id,
            rows: rows,
            columns: columns,
            first: Float(id),
            outputs: outputs,
            source: source
        )
    }

    @Test("what waits for one version runs together, the oldest first, up to the rows of the card")
    func merges() throws {
        let bench = try BatchBench(plan: .merging(maxRows: 4))
        var queue = BatchQueue()
        #expect(queue.add(job(bench, 0)) == .ready)
        for id in 1...5 { #expect(queue.add(job(bench, id)) == .waiting) }
        let first = queue.take()
        #expect(ids(first) == [0, 1, 2, 3])
        #expect(first?.isReadyAgain == true)
        let second = queue.take()
        #expect(ids(second) == [4, 5])
        #expect(second?.isReadyAgain == false)
        #expect(queue.take() == nil)
        #expect(queue.add(job(bench, 6)) == .ready)
    }

    @Test("a request that does not fit into what is left is passed over, and is the next to run")
    func passesOver() throws {
        let bench = try BatchBench(plan: .merging(maxRows: 4))
        var queue = BatchQueue()
        for (id, rows) in [(0, 2), (1, 3), (2, 2)] {
            _ = queue.add(job(bench, id, rows: rows))
        }
        #expect(ids(queue.take()) == [0, 2])
        #expect(ids(queue.take()) == [1])
    }

    @Test("requests of other shapes or outputs do not wait for each other")
    func shapes() throws {
        let bench = try BatchBench(plan: .merging(maxRows: 8))
        var queue = BatchQueue()
        _ = queue.add(job(bench, 0))
        _ = queue.add(job(bench, 1, columns: 5))
        _ = queue.add(job(bench, 2, outputs: ["y"]))
        _ = queue.add(job(bench, 3))
        #expect(ids(queue.take()) == [0, 3])
        #expect(ids(queue.take()) == [1])
        #expect(ids(queue.take()) == [2])
    }

    @Test("a request as large as a batch, or without rows, runs by itself")
    func alone() throws {
        let bench = try BatchBench(plan: .merging(maxRows: 4))
        var queue = BatchQueue()
        for (id, rows) in [(0, 4), (1, 0), (2, 1), (3, 1)] {
            _ = queue.add(job(bench, id, rows: rows))
        }
        let counts = (0..<3).map { _ in queue.take()?.batch.count }
        #expect(counts == [1, 1, 2])
    }

    @Test("versions that are not merged run one request at a time, and versions take turns")
    func turns() throws {
        let one = try BatchBench(plan: .alone(""))
        let other = try BatchBench(plan: .alone(""))
        var queue = BatchQueue()
        for id in 0..<3 { _ = queue.add(job(one, id)) }
        for id in 10..<12 { _ = queue.add(job(other, id)) }
        let order = (0..<5).map { _ in ids(queue.take()) }
        #expect(order == [[0], [10], [1], [11], [2]])
    }

    @Test("a source with one request does not wait for the many of another")
    func fairness() throws {
        let bench = try BatchBench(plan: .merging(maxRows: 4))
        let (greedy, modest) = (Source(), Source())
        var queue = BatchQueue()
        for id in 0..<20 { _ = queue.add(job(bench, id, source: greedy)) }
        _ = queue.add(job(bench, 100, source: modest))
        _ = queue.add(job(bench, 101, source: modest))
        #expect(ids(queue.take()) == [0, 100, 1, 101])
        #expect(ids(queue.take()) == [2, 3, 4, 5])
        _ = queue.add(job(bench, 102, source: modest))
        #expect(ids(queue.take()) == [102, 6, 7, 8])
    }

    @Test("a card's delay holds a lane back until it is over, or the batch is full")
    func delay() throws {
        let bench = try BatchBench(plan: .merging(maxRows: 3, maxDelayUs: 500))
        var queue = BatchQueue()
        #expect(queue.add(job(bench, 0)) == .readyAfter(500))
        #expect(queue.add(job(bench, 1)) == .waiting)
        #expect(queue.take() == nil)
        let lane = ObjectIdentifier(bench.slot)
        let isWoken = queue.makeReady(lane)
        let isWokenAgain = queue.makeReady(lane)
        #expect(isWoken && !isWokenAgain)
        #expect(ids(queue.take()) == [0, 1])
        #expect(queue.add(job(bench, 2)) == .readyAfter(500))
        #expect(queue.add(job(bench, 3, rows: 2)) == .ready)
        #expect(ids(queue.take()) == [2, 3])
        // The first delay's end comes to a lane that is gone.
        let isLate = queue.makeReady(lane)
        #expect(!isLate)
    }

    private func take(_ queue: inout BatchQueue) throws -> BatchQueue.Taken {
        let taken = queue.take(atNs: 0)
        return try #require(taken)
    }

    /// A version whose run costs as much as four of its rows, and whose runs are short.
    private func brief(maxRows: Int = 64, maxDelayUs: Int64 = 0) throws -> BatchBench {
        let cost = RunCost(runNs: 4_000, rowNs: 1_000)
        cost.ran(took: 8_000)
        return try BatchBench(
            plan: .merging(maxRows: maxRows, maxDelayUs: maxDelayUs),
            cost: cost
        )
    }

    @Test("a full batch waits for no run, nor do requests that have waited for company")
    func waitsForNone() throws {
        let bench = try brief(maxRows: 4)
        var queue = BatchQueue(threads: 4)
        #expect(queue.add(job(bench, 0)) == .ready)
        _ = try take(&queue)
        for id in 1..<4 { #expect(queue.add(job(bench, id)) == .waiting) }
        #expect(queue.add(job(bench, 4)) == .ready)

        let patient = try brief(maxRows: 4, maxDelayUs: 500)
        var other = BatchQueue(threads: 4)
        #expect(other.add(job(patient, 0, rows: 4)) == .ready)
        _ = try take(&other)
        #expect(other.add(job(patient, 1)) == .readyAfter(500))
        #expect(other.add(job(patient, 2, rows: 4)) == .ready)
        // What is left behind is ready at once: nobody would come back for it.
        #expect(try take(&other).isReadyAgain)
    }

    @Test("a few requests wait for a short run of their version to end; enough do not")
    func waitsForShortRun() throws {
        let bench = try brief()
        var queue = BatchQueue(threads: 4)
        #expect(queue.add(job(bench, 0)) == .ready)
        let first = try take(&queue)
        for id in 1..<16 { #expect(queue.add(job(bench, id)) == .waiting) }
        #expect(queue.take() == nil)
        #expect(queue.add(job(bench, 16)) == .ready)
        let second = try take(&queue)
        #expect(ids(second) == Array(1...16))
        #expect(queue.add(job(bench, 17)) == .waiting)
        // One of the two is still under way, but who ended has nothing else to do.
        let isReady = queue.ended(first).isAwaited
        #expect(isReady)
        #expect(ids(queue.take(atNs: 0)) == [17])
    }

    @Test("the end of a run that nobody waits for leaves nothing")
    func endsAlone() throws {
        let bench = try brief()
        var queue = BatchQueue(threads: 4)
        for _ in 0..<2 {
            #expect(queue.add(job(bench, 0)) == .ready)
            let taken = try take(&queue)
            let isReady = queue.ended(taken).isAwaited
            #expect(!isReady && !taken.leavesMore)
        }
    }

    @Test("what is left behind a full batch waits for its end if it is little")
    func leftBehind() throws {
        let bench = try brief(maxRows: 32)
        var queue = BatchQueue(threads: 4)
        for id in 0..<33 { _ = queue.add(job(bench, id)) }
        let full = try take(&queue)
        #expect(full.batch.count == 32 && full.leavesMore && !full.isReadyAgain)
        let isReady = queue.ended(full).isAwaited
        #expect(isReady)
        for id in 33..<96 { _ = queue.add(job(bench, id)) }
        #expect(try take(&queue).isReadyAgain)
    }

    @Test("a run that lasts longer than it should is not waited for, nor one that is long")
    func longRuns() throws {
        let bench = try brief()
        var queue = BatchQueue(threads: 4)
        _ = queue.add(job(bench, 0))
        _ = queue.take(atNs: 1_000)
        let patience = 4 * RunCost.briefNs
        #expect(queue.add(job(bench, 1), atNs: 1_000 + patience) == .waiting)
        #expect(queue.add(job(bench, 2), atNs: 1_001 + patience) == .ready)

        let cost = RunCost(runNs: 4_000, rowNs: 1_000)
        let long = try BatchBench(plan: .merging(maxRows: 64), cost: cost)
        for took in [nil, RunCost.briefNs + 1] as [UInt64?] {
            if let took { cost.ran(took: took) }
            var queue = BatchQueue(threads: 4)
            _ = queue.add(job(long, 0))
            _ = queue.take(atNs: 0)
            #expect(queue.add(job(long, 1)) == .ready)
        }
        cost.ran(took: 0)
        var other = BatchQueue(threads: 4)
        _ = other.add(job(long, 0))
        _ = other.take(atNs: 0)
        #expect(other.add(job(long, 1)) == .waiting)
    }

    @Test("a queue that was stopped takes nothing, and gives out what it holds")
    func stop() throws {
        let bench = try BatchBench(plan: .merging(maxRows: 3, maxDelayUs: 500))
        var queue = BatchQueue(threads: 4)
        _ = queue.add(job(bench, 0))
        #expect(queue.stop() == 1)
        #expect(queue.add(job(bench, 1)) == .stopped)
        #expect(ids(queue.take()) == [0])
        #expect(queue.take() == nil)
    }
}
