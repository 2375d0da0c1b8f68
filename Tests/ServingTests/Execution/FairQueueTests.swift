import Engine
import EngineTesting
import Testing

@testable import Serving

@Suite("The fair order of a queue")
struct FairQueueTests {
    private final class Source {}

    private let bench: BatchBench

    init() throws {
        bench = try BatchBench(plan: .alone(""))
    }

    private func id(_ job: Job?) -> Int? {
        job.map { Int(floats($0.request.inputs[0].bytes.copied())[0]) }
    }

    private func job(
        _ id: Int,
        _ principal: UInt64,
        rows: Int = 1,
        source: Source? = nil,
        priority: Int = 0
    ) -> Job {
        bench.job(
            id,
            rows: rows,
            first: Float(id),
            source: source,
            principalNumber: principal,
            priority: priority
        )
    }

    private func drain(_ queue: inout FairQueue) -> [Int] {
        var order: [Int] = []
        while let job = queue.popFirst() { order.append(id(job) ?? -1) }
        return order
    }

    @Test(
        "a principal with one request waits for one turn of another with a thousand",
        arguments: [
            1, 50,
        ]
    )
    func modest(connections: Int) {
        var queue = FairQueue()
        let sources = (0..<connections).map { _ in Source() }
        for id in 0..<1_000 {
            _ = queue.insert(job(id, 1, source: sources[id % connections]), number: UInt64(id + 1))
        }
        #expect(id(queue.popFirst()) == 0)
        for round in 0..<20 {
            let modest = 2_000 + round
            _ = queue.insert(job(modest, 2), number: UInt64(modest))
            let next = (0..<2).map { _ in id(queue.popFirst()) }
            #expect(next.contains(modest))
        }
    }

    @Test("principals share rows, not requests")
    func rows() {
        var queue = FairQueue()
        for id in 0..<10 { _ = queue.insert(job(id, 1, rows: 4), number: UInt64(id + 1)) }
        for id in 100..<140 { _ = queue.insert(job(id, 2), number: UInt64(id + 1)) }
        let order = drain(&queue)
        // Over any prefix the rows of both differ by no more than one request.
        var rows = 0
        for id in order.prefix(40) {
            rows += id < 100 ? 4 : -1
            #expect(abs(rows) <= 4)
        }
        #expect(order.count == 50)
    }

    @Test("a principal that had no request cannot save up turns")
    func idle() {
        var queue = FairQueue()
        for id in 0..<40 { _ = queue.insert(job(id, 1), number: UInt64(id + 1)) }
        for _ in 0..<20 { _ = queue.popFirst() }
        for id in 100..<110 { _ = queue.insert(job(id, 2), number: UInt64(id + 1)) }
        let next = (0..<10).compactMap { _ in id(queue.popFirst()) }
        #expect(next.count { $0 >= 100 } == 5)
    }

    @Test("a principal that returns with a large request each time gets no more than its share")
    func returning() {
        var queue = FairQueue()
        for id in 0..<200 { _ = queue.insert(job(id, 1), number: UInt64(id + 1)) }
        var (large, isWaiting) = (0, false)
        for number in 1_000..<1_110 as Range<UInt64> {
            if !isWaiting { _ = queue.insert(job(500, 2, rows: 10), number: number) }
            isWaiting = id(queue.popFirst()) != 500
            if !isWaiting { large += 1 }
        }
        // Of 110 turns: ten rows for each large one, one for each other.
        #expect((9...11).contains(large))
    }

    @Test("higher classes run first, and principals take turns in each")
    func classes() {
        var queue = FairQueue()
        for id in 0..<8 {
            let (principal, priority) = (UInt64(id < 6 ? 1 : 2), id % 2 == 0 ? 3 : -3)
            _ = queue.insert(job(id, principal, priority: priority), number: UInt64(id + 1))
        }
        #expect(drain(&queue) == [0, 6, 2, 4, 1, 7, 3, 5])
    }

    @Test("requests that are passed over keep their place and cost their principal nothing")
    func passed() {
        var queue = FairQueue()
        for id in 0..<6 { _ = queue.insert(job(id, 1), number: UInt64(id + 1)) }
        for id in 10..<13 { _ = queue.insert(job(id, 2), number: UInt64(id + 1)) }
        var taken: [Int] = []
        queue.take(ofFirst: 100) { job in
            guard let id = id(job), id % 2 == 1 else { return false }
            taken.append(id)
            return true
        }
        #expect(taken.sorted() == [1, 3, 5, 11])
        // Three rows of the one were served, and one of the other.
        #expect(drain(&queue) == [10, 12, 0, 2, 4])
    }

    @Test("flows without requests do not add up, however many connections come and go")
    func churn() {
        var queue = FairQueue()
        var sources: [Source] = []
        _ = queue.insert(job(0, 1), number: 1)
        for id in 1..<20_000 {
            sources.append(Source())
            _ = queue.insert(
                job(id, UInt64(id % 3), source: sources.last),
                number: UInt64(id + 1)
            )
            #expect(queue.popFirst() != nil)
        }
        #expect(queue.flowCount <= 2 * 4_096)
        #expect(queue.popFirst() != nil && queue.isEmpty)
    }

    /// A waiting request, in a plain list.
    private struct Request {
        let id: Int
        let principal: UInt64
        let rows: Int
        let priority: Int
    }

    @Test(
        "random arrivals, withdrawals and runs: classes hold, and backlogged principals are even",
        arguments: 0..<20 as Range<UInt64>
    )
    func random(seed: UInt64) {
        var random = SplitMix(state: seed)
        var (queue, waiting, orders) = (FairQueue(), [Request](), [Int: FairQueue.Order]())
        let sources = (0..<12).map { _ in Source() }
        // Principals 1 to 3 always have requests of class 0, in unlike numbers and sizes.
        var served: [UInt64: Int] = [:]
        var number = 0
        func add(_ principal: UInt64, rows: Int, priority: Int) {
            number += 1
            let source = sources[Int(principal) * 3 + Int(random.next() % 3)]
            let job = job(number, principal, rows: rows, source: source, priority: priority)
            orders[number] = queue.insert(job, number: UInt64(number))
            waiting.append(
                Request(id: number, principal: principal, rows: rows, priority: priority)
            )
        }
        for step in 0..<600 {
            for principal in 1...3 as ClosedRange<UInt64> {
                while waiting.count(where: { $0.principal == principal && $0.priority == 0 })
                    < 4 * Int(principal)
                {
                    add(principal, rows: Int(random.next() % (2 * principal)) + 1, priority: 0)
                }
            }
            if step % 7 == 0 {
                add(random.next() % 4, rows: 1, priority: Int(random.next() % 5) - 2)
            }
            if step % 5 == 0, let victim = waiting.randomElement(using: &random) {
                #expect(orders[victim.id].flatMap { id(queue.withdraw($0)) } == victim.id)
                waiting.removeAll { $0.id == victim.id }
            }
            guard let taken = id(queue.popFirst()),
                let index = waiting.firstIndex(where: { $0.id == taken })
            else { continue }
            let request = waiting.remove(at: index)
            #expect(waiting.allSatisfy { $0.priority <= request.priority })
            if request.priority == 0, request.principal > 0 {
                served[request.principal, default: 0] += request.rows
            }
        }
        let rows = (1...3).map { served[$0] ?? 0 }
        // One request of the largest size, and one that was withdrawn from the front.
        #expect((rows.max() ?? 0) - (rows.min() ?? 0) <= 2 * 6, "\(rows)")
        #expect(Set(drain(&queue)) == Set(waiting.map(\.id)))
    }
}

/// A random number generator that is the same in every run.
private struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
