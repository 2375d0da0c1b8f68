import Engine
import EngineTesting
import Testing

@testable import Serving

@Suite("Places in the queue of batches")
struct BatchLaneTests {
    private final class Source {}

    private func id(_ job: Job?) -> Int? {
        job.map { Int(floats($0.request.inputs[0].bytes.copied())[0]) }
    }

    private func place(
        _ job: Job,
        in queue: inout BatchQueue
    ) throws -> BatchQueue.Place {
        let placed = queue.place(job, atNs: 0)
        return try #require(placed).place
    }

    /// All that waits, in the order in which it runs.
    private func drain(_ queue: inout BatchQueue) -> [Int] {
        var order: [Int] = []
        while let taken = queue.take() { order += taken.batch.compactMap { id($0) } }
        return order
    }

    @Test("higher priorities run first, and those of one in their order")
    func priorities() throws {
        let bench = try BatchBench(plan: .alone(""))
        var queue = BatchQueue()
        for (id, priority) in [0, 3, -10, 0, 10, 3, -10, 10].enumerated() {
            queue.add(bench.job(id, first: Float(id), priority: priority))
        }
        #expect(drain(&queue) == [4, 7, 1, 5, 0, 3, 2, 6])
    }

    @Test("the connections of a principal take turns within a priority")
    func fairness() throws {
        let bench = try BatchBench(plan: .alone(""))
        let (greedy, modest) = (Source(), Source())
        var queue = BatchQueue()
        for id in 0..<6 {
            queue.add(bench.job(id, first: Float(id), source: greedy, priority: id % 2))
        }
        queue.add(bench.job(10, first: 10, source: modest, priority: 1))
        queue.add(bench.job(11, first: 11, source: modest, priority: 0))
        #expect(drain(&queue) == [1, 10, 3, 5, 0, 11, 2, 4])
    }

    @Test("a batch is filled up with what is of lower priority")
    func filledUp() throws {
        let bench = try BatchBench(plan: .merging(maxRows: 3))
        var queue = BatchQueue()
        for id in 0..<4 { queue.add(bench.job(id, first: Float(id), priority: id == 3 ? 1 : 0)) }
        #expect(queue.take()?.batch.compactMap { id($0) } == [3, 0, 1])
        #expect(drain(&queue) == [2])
    }

    @Test("versions take turns whatever their requests' priorities are")
    func turns() throws {
        let (one, other) = (
            try BatchBench(plan: .alone("")), try BatchBench(plan: .alone(""))
        )
        var queue = BatchQueue()
        for id in 0..<2 { queue.add(one.job(id, first: Float(id), priority: -10)) }
        for id in 10..<12 { queue.add(other.job(id, first: Float(id), priority: 10)) }
        #expect(drain(&queue) == [0, 10, 1, 11])
    }

    @Test("each request can be withdrawn once, from anywhere, and not once it was taken")
    func withdrawn() throws {
        let bench = try BatchBench(plan: .alone(""))
        let sources = [Source(), Source(), Source()]
        var queue = BatchQueue()
        var places: [BatchQueue.Place] = []
        for id in 0..<600 {
            let job = bench.job(
                id,
                first: Float(id),
                source: sources[id % 7 % 3],
                priority: id % 5 - 2
            )
            places.append(try place(job, in: &queue))
        }
        var expected = Set(0..<600)
        for id in stride(from: 0, to: 600, by: 1) where id % 4 != 1 {
            #expect(self.id(queue.withdraw(places[id])) == id)
            #expect(queue.withdraw(places[id]) == nil)
            expected.remove(id)
        }
        let order = drain(&queue)
        #expect(order.count == expected.count && Set(order) == expected)
        let priorities = order.map { $0 % 5 - 2 }
        #expect(priorities == priorities.sorted(by: >))
        for place in places { #expect(queue.withdraw(place) == nil) }
    }

    @Test("what is withdrawn is kept alive by nothing in the queue")
    func released() throws {
        let bench = try BatchBench(plan: .alone(""))
        var queue = BatchQueue()
        queue.add(bench.job(0))
        weak var held: Job?
        let place = try {
            let job = bench.job(1)
            held = job
            return try self.place(job, in: &queue)
        }()
        queue.add(bench.job(2))
        #expect(held != nil)
        _ = queue.withdraw(place)
        #expect(held == nil)
    }

    @Test("a lane that was emptied by withdrawals has one turn, and none is lost")
    func emptied() throws {
        let bench = try BatchBench(plan: .alone(""))
        let other = try BatchBench(plan: .alone(""))
        var queue = BatchQueue()
        for round in 0..<3 {
            let placed = queue.place(bench.job(round), atNs: 0)
            let (added, place) = try #require(placed)
            #expect(added == (round == 0 ? .ready : .waiting))
            _ = queue.withdraw(place)
        }
        queue.add(other.job(7, first: 7))
        #expect(queue.take()?.batch.count == 1)
        #expect(queue.take() == nil)
        #expect(queue.add(bench.job(9, first: 9)) == .ready)
        #expect(drain(&queue) == [9])
    }

    @Test("a lane that waits for company and is emptied begins to wait anew")
    func emptiedWhileDelayed() throws {
        let bench = try BatchBench(plan: .merging(maxRows: 3, maxDelayUs: 500))
        var queue = BatchQueue()
        let place = try place(bench.job(0), in: &queue)
        _ = queue.withdraw(place)
        let isWoken = queue.makeReady(ObjectIdentifier(bench.slot))
        #expect(!isWoken)
        #expect(queue.add(bench.job(1)) == .readyAfter(500))
        #expect(queue.stop() == 1)
    }

    @Test("rows of withdrawn requests fill no batch")
    func rows() throws {
        let bench = try BatchBench(plan: .merging(maxRows: 3, maxDelayUs: 500))
        var queue = BatchQueue()
        queue.add(bench.job(0))
        let place = try place(bench.job(1), in: &queue)
        _ = queue.withdraw(place)
        #expect(queue.add(bench.job(2)) == .waiting)
        #expect(queue.add(bench.job(3)) == .ready)
    }

    @Test("a source whose requests were withdrawn does not wait for rounds that there are not")
    func withdrawnRounds() throws {
        let bench = try BatchBench(plan: .alone(""))
        let (fickle, other) = (Source(), Source())
        var queue = BatchQueue()
        queue.add(bench.job(0, first: 0, source: other))
        for _ in 0..<5 {
            let place = try place(bench.job(9, source: fickle), in: &queue)
            _ = queue.withdraw(place)
        }
        queue.add(bench.job(1, first: 1, source: fickle))
        for id in 2..<5 { queue.add(bench.job(id, first: Float(id), source: other)) }
        #expect(drain(&queue) == [0, 1, 2, 3, 4])
    }

    @Test("tens of thousands wait in their order, and each leaves once", .timeLimit(.minutes(1)))
    func many() throws {
        let bench = try BatchBench(plan: .alone(""))
        let sources = (0..<300).map { _ in Source() }
        var queue = BatchQueue()
        var places: [BatchQueue.Place] = []
        let count = 40_000
        for id in 0..<count {
            // A few sources have most of the requests, so that new ones go into the midst.
            let source = sources[id % 3 == 0 ? id % 300 : id % 4]
            let job = bench.job(id, first: Float(id), source: source, priority: id % 2)
            places.append(try place(job, in: &queue))
        }
        let withdrawn = stride(from: 0, to: count, by: 2).filter {
            queue.withdraw(places[$0]) != nil
        }
        #expect(withdrawn.count == count / 2)
        let order = drain(&queue)
        #expect(order.count == count / 2 && Set(order).count == count / 2)
        #expect(order.allSatisfy { $0 % 2 == 1 })
    }

    /// Takes a batch at a moment, and ends its run.
    private func run(_ queue: inout BatchQueue, atNs nowNs: UInt64) {
        if let taken = queue.take(atNs: nowNs) { _ = queue.ended(taken) }
    }

    @Test("how fast rows leave is measured while others wait, in the version and in its model")
    func measured() throws {
        let bench = try BatchBench(plan: .merging(maxRows: 2))
        var queue = BatchQueue()
        for id in 0..<6 { queue.add(bench.job(id)) }
        let rates = [bench.slot.drain, bench.admission.drain]
        run(&queue, atNs: 1_000)
        #expect(rates.allSatisfy { !$0.isKnown })
        run(&queue, atNs: 5_000)
        #expect(
            rates.allSatisfy {
                $0.isKnown && $0.expectedNs(QueueWork(requests: 1, rows: 1)) == 2_000
            }
        )
        run(&queue, atNs: 6_000)
        let after = bench.slot.drain.expectedNs(QueueWork(requests: 1, rows: 1))
        #expect(after < 2_000 && after > 500)
        // After a time in which nothing waited.
        queue.add(bench.job(6))
        run(&queue, atNs: 9_000_000)
        #expect(bench.slot.drain.expectedNs(QueueWork(requests: 1, rows: 1)) == after)
    }

    @Test("threads that take batches at the same time are measured together")
    func measuredThreads() throws {
        let bench = try BatchBench(plan: .alone(""))
        var queue = BatchQueue(threads: 2)
        for id in 0..<20 { queue.add(bench.job(id)) }
        // Two threads in step: each run takes 8,000, so one leaves each 4,000.
        for step in 0..<6 as Range<UInt64> {
            let taken = [queue.take(atNs: step * 8_000), queue.take(atNs: step * 8_000 + 1)]
            for batch in taken { if let batch { _ = queue.ended(batch) } }
        }
        let ns = bench.slot.drain.expectedNs(QueueWork(requests: 1, rows: 1))
        #expect((3_900...4_100).contains(ns))
    }

    @Test("requests that have expired do not make the queue seem faster")
    func measuredExpired() throws {
        let bench = try BatchBench(plan: .merging(maxRows: 3))
        var queue = BatchQueue()
        for id in 0..<6 { queue.add(bench.job(id, deadlineNs: id % 3 == 0 ? .max : 900)) }
        run(&queue, atNs: 1_000)
        run(&queue, atNs: 7_000)
        #expect(bench.slot.drain.expectedNs(QueueWork(requests: 1, rows: 1)) == 6_000)
    }
}
