import Engine
import EngineTesting
import Testing
import Text

@testable import Serving

@Suite("The bound of time on a queue")
struct QueueBoundTests {
    private static let milliseconds: UInt64 = 1_000_000
    private let bound = QueueBound(queueNs: 5 * milliseconds)
    private let bench: BatchBench

    init() throws {
        bench = try BatchBench(plan: .alone(""))
    }

    /// Measured: a millisecond a row.
    private func measure(runMs: UInt64 = 0) {
        let row = QueueWork(requests: 1, rows: 1)
        bench.slot.drain.took(row, ns: Self.milliseconds)
        if runMs > 0 { bench.slot.runs.took(row, ns: runMs * Self.milliseconds) }
    }

    /// Adds a request if it may wait.
    private func add(
        _ id: Int,
        rows: Int = 1,
        priority: Int = 0,
        deadlineNs: UInt64? = nil,
        source: AnyObject? = nil,
        principal: UInt64 = 0,
        atNs nowNs: UInt64 = 10,
        to queue: inout BatchQueue
    ) -> (refusal: QueueBound.Refusal?, displaced: [Job]) {
        let job = bench.job(
            id,
            rows: rows,
            first: Float(id),
            source: source,
            principalNumber: principal,
            priority: priority,
            deadlineNs: deadlineNs
        )
        let room = queue.makeRoom(for: job, bound, atNs: nowNs)
        if room.refusal == nil { queue.add(job, atNs: nowNs) }
        return (room.refusal, room.displaced.map(\.job))
    }

    private func ids(_ jobs: [Job]) -> [Int] {
        jobs.map { Int(floats($0.request.inputs[0].bytes.copied())[0]) }
    }

    @Test("requests are taken while those before them take no longer than the bound")
    func limit() {
        measure()
        var queue = BatchQueue()
        for id in 0...5 { #expect(add(id, to: &queue).refusal == nil) }
        #expect(add(6, to: &queue).refusal == .full(waitNs: 6 * Self.milliseconds))
        _ = queue.take()
        #expect(add(7, to: &queue).refusal == nil)
        #expect(add(8, to: &queue).refusal == .full(waitNs: 6 * Self.milliseconds))
    }

    @Test("requests count by their rows")
    func rows() {
        measure()
        var queue = BatchQueue()
        for id in 0..<2 { #expect(add(id, rows: 3, to: &queue).refusal == nil) }
        #expect(add(2, to: &queue).refusal == .full(waitNs: 6 * Self.milliseconds))
    }

    @Test("a shape without elements counts no more rows than the request has bytes")
    func emptyShape() {
        let input = InputTensor(name: "x", type: .fp32, shape: [.max, 0], bytes: [UInt8]())
        let request = PredictionRequest(
            model: "m",
            selector: .alias("live"),
            inputs: [input],
            outputNames: [],
            heldBytes: 100,
            isCancelled: { false },
            completion: { _ in }
        )
        let job = Job(request: request, slot: bench.slot, admission: bench.admission, loadNs: 0)
        #expect(job.rows == 100)
        #expect(bench.job(0, rows: 0).rows == 1)
    }

    @Test("a connection is refused for what runs before it alone, not for another's backlog")
    func connections() {
        measure()
        var queue = BatchQueue()
        let (greedy, other) = (QueueBoundSource(), QueueBoundSource())
        for id in 0...5 { #expect(add(id, source: greedy, to: &queue).refusal == nil) }
        #expect(add(6, source: greedy, to: &queue).refusal == .full(waitNs: 6 * Self.milliseconds))
        #expect(add(7, source: other, to: &queue).refusal == nil)
        #expect(queue.take().map { ids($0.batch) } == [0])
        #expect(queue.take().map { ids($0.batch) } == [7])
    }

    @Test("a principal is refused for what runs before it alone, whatever another has queued")
    func principals() {
        measure()
        var queue = BatchQueue()
        for id in 0...5 { #expect(add(id, principal: 1, to: &queue).refusal == nil) }
        #expect(add(6, principal: 1, to: &queue).refusal == .full(waitNs: 6 * Self.milliseconds))
        // Each turn of the other waits for one of the first's at most.
        for id in 7...9 {
            let room = add(id, principal: 2, to: &queue)
            #expect(room.refusal == nil)
            // The bound on all stays: the principal with the most loses its newest.
            #expect(ids(room.displaced) == [12 - id])
        }
        // Six run before its next one: its own three and three of the first.
        let runs = (0..<6).compactMap { _ in queue.take().map { ids($0.batch) } }.joined()
        #expect(Array(runs) == [0, 7, 1, 8, 2, 9])
    }

    @Test("a deadline counts what runs before the request alone")
    func deadlineOfPrincipal() {
        measure(runMs: 1)
        var queue = BatchQueue()
        for id in 0...5 { _ = add(id, principal: 1, to: &queue) }
        // One run before it, a quarter in reserve, and its own run.
        let enough = 10 + Self.milliseconds * 9 / 4
        #expect(add(6, deadlineNs: enough - 1, principal: 2, to: &queue).refusal != nil)
        #expect(add(7, deadlineNs: enough, principal: 2, to: &queue).refusal == nil)
    }

    @Test("higher priorities take the places of lower ones, and all together pass no bound")
    func priorities() {
        measure()
        var queue = BatchQueue()
        for id in 0..<6 { _ = add(id, priority: id < 3 ? -1 : 0, to: &queue) }
        #expect(add(6, priority: -1, to: &queue).refusal != nil)
        let first = add(7, priority: 5, to: &queue)
        #expect(first.refusal == nil && ids(first.displaced) == [2])
        let large = add(8, rows: 2, priority: 5, to: &queue)
        #expect(large.refusal == nil && ids(large.displaced) == [1])
        // Two rows came for one: two requests of one row leave for the next.
        let next = add(9, priority: 5, to: &queue)
        #expect(next.refusal == nil && ids(next.displaced) == [0, 5])
        #expect(add(10, priority: 0, to: &queue).refusal != nil)
        for id in 11..<13 { #expect(add(id, priority: 5, to: &queue).refusal == nil) }
        // Only requests of the priority itself are left before it.
        #expect(add(13, priority: 5, to: &queue).refusal == .full(waitNs: 6 * Self.milliseconds))
        #expect(add(14, priority: 10, to: &queue).displaced.count == 1)
    }

    @Test("a request whose deadline would pass before its run had ended is refused")
    func deadline() {
        measure(runMs: 2)
        var queue = BatchQueue()
        for id in 0..<4 { _ = add(id, to: &queue) }
        // Four milliseconds of waiting, a quarter of that in reserve, two for the run, from 10 on.
        let enough = 7 * Self.milliseconds + 10
        #expect(
            add(4, deadlineNs: enough - 1, to: &queue).refusal
                == .deadline(
                    leftNs: 7 * Self.milliseconds - 1,
                    waitNs: 4 * Self.milliseconds,
                    runNs: 2 * Self.milliseconds
                )
        )
        #expect(add(5, deadlineNs: 10, to: &queue).refusal == .expired)
        // One of higher priority waits for none of them.
        #expect(add(6, priority: 1, deadlineNs: 20, to: &queue).refusal == nil)
        #expect(add(7, priority: 1, deadlineNs: 20, to: &queue).refusal != nil)
        _ = queue.take()
        #expect(add(8, deadlineNs: enough, to: &queue).refusal == nil)
    }

    @Test("where nothing waits a request is taken, however slow runs were")
    func empty() {
        measure(runMs: 1_000)
        var queue = BatchQueue()
        #expect(add(0, deadlineNs: 20, to: &queue).refusal == nil)
    }

    @Test("a queue that nothing leaves takes no more when the first has waited as long as it may")
    func standing() {
        var queue = BatchQueue()
        let bound = 5 * Self.milliseconds
        // Without a measurement nothing is known of what is too long.
        for id in 0..<2 { _ = add(id, atNs: 10, to: &queue) }
        #expect(add(2, atNs: 10 + 2 * bound, to: &queue).refusal == nil)
        measure()
        #expect(add(3, atNs: 10 + bound, to: &queue).refusal == nil)
        #expect(add(4, atNs: 11 + bound, to: &queue).refusal == .full(waitNs: bound + 1))
        _ = queue.take(atNs: 11 + bound)
        #expect(add(5, atNs: 12 + bound, to: &queue).refusal == nil)
    }

    @Test("a version that was not measured is taken to be as fast as its model was")
    func newVersion() {
        var queue = BatchQueue()
        for id in 0..<20 { #expect(add(id, to: &queue).refusal == nil) }
        bench.admission.drain.took(QueueWork(requests: 1, rows: 1), ns: Self.milliseconds)
        #expect(add(20, to: &queue).refusal == .full(waitNs: 20 * Self.milliseconds))
        bench.slot.drain.took(QueueWork(requests: 10, rows: 10), ns: Self.milliseconds)
        #expect(add(21, to: &queue).refusal == nil)
    }

    @Test("a refusal says what was expected, and when to call again")
    func words() {
        let full = ServingError(.full(waitNs: 6_400_000), model: "m", bound: bound)
        #expect(full.code == .resourceExhausted)
        #expect(full.message.contains("requests wait about 6 ms, at most 5 ms"))
        #expect(full.retryAfterNs == 6_400_000)
        let late = ServingError(
            .deadline(leftNs: 3_000_000, waitNs: 2_000_000, runNs: 4_000_000),
            model: "m",
            bound: bound
        )
        #expect(late.code == .resourceExhausted)
        #expect(late.message.contains("it is 3 ms away, requests wait about 2 ms, and a run takes"))
        #expect(late.retryAfterNs == 2_000_000)
        #expect(ServingError(.expired, model: "m", bound: bound).code == .deadlineExceeded)
    }
}

private final class QueueBoundSource {}
