import Engine
import EngineTesting
import Testing

@testable import Serving

@Suite("Places in a full queue")
struct DisplacementTests {
    private let bench: BatchBench

    init() throws {
        bench = try BatchBench(plan: .alone(""))
    }

    private func id(_ displaced: ShareLedger.Displaced?) -> Int? {
        displaced.map { Int(floats($0.job.request.inputs[0].bytes.copied())[0]) }
    }

    private func claim(
        _ principal: UInt64,
        priority: Int = 0,
        bytes: Int = ServingWorld.rowBytes
    ) -> ShareLedger.Claim {
        ShareLedger.Claim(
            principal: principal,
            priority: priority,
            heldBytes: bytes,
            charge: bytes
        )
    }

    private func add(
        _ id: Int,
        _ principal: UInt64,
        rows: Int = 1,
        priority: Int = 0,
        of bench: BatchBench? = nil,
        to queue: inout BatchQueue
    ) {
        queue.add(
            (bench ?? self.bench).job(
                id,
                rows: rows,
                first: Float(id),
                principalNumber: principal,
                priority: priority
            )
        )
    }

    private func displaced(_ claim: ShareLedger.Claim, _ queue: inout BatchQueue) -> Int? {
        guard
            let other = bench.admission.shares.takeDisplaced(
                for: claim,
                in: .model(bench.admission)
            )
        else { return nil }
        _ = queue.withdraw(other.place)
        return id(other)
    }

    @Test(
        "the principal with the most bytes loses its newest request, down to the newcomer's share"
    )
    func mostBytes() {
        var queue = BatchQueue()
        for id in 0..<4 { add(id, 1, to: &queue) }
        add(10, 2, rows: 7, to: &queue)
        add(20, 3, to: &queue)
        let expected = [10, 3, 2]
        for (index, id) in expected.enumerated() {
            #expect(displaced(claim(4 + UInt64(index)), &queue) == id)
        }
        // Two requests and the newcomer's one: not yet a share alike.
        #expect(displaced(claim(9), &queue) == 1)
        #expect(displaced(claim(9), &queue) == nil)
    }

    @Test("a newcomer that would have as much itself is refused, and displaces its own lower ones")
    func own() {
        var queue = BatchQueue()
        for (id, priority) in [(0, 0), (1, -2), (2, 1), (3, -2)] {
            add(id, 1, priority: priority, to: &queue)
        }
        add(9, 2, to: &queue)
        #expect(displaced(claim(1, priority: -2), &queue) == nil)
        #expect(displaced(claim(1, bytes: 2 * ServingWorld.rowBytes), &queue) == nil)
        #expect(displaced(claim(1), &queue) == 3)
        #expect(displaced(claim(1), &queue) == 1)
        #expect(displaced(claim(1), &queue) == nil)
        #expect(displaced(claim(1, priority: 1), &queue) == 0)
    }

    @Test("the newest of the lowest class goes first, and a granted class yields to none below it")
    func classes() {
        var queue = BatchQueue()
        for (id, priority) in [(0, 5), (1, 0), (2, 5), (3, -1), (4, 0)] {
            add(id, 1, priority: priority, to: &queue)
        }
        for id in [3, 4, 1] { #expect(displaced(claim(2, priority: -10), &queue) == id) }
        #expect(displaced(claim(2, priority: 0), &queue) == nil)
        #expect(displaced(claim(2, priority: 4), &queue) == nil)
        #expect(displaced(claim(2, priority: 5), &queue) == 2)
    }

    @Test("a request that ran or was withdrawn is not displaced, and nothing is counted of it")
    func left() throws {
        var queue = BatchQueue()
        for id in 0..<3 { add(id, 1, to: &queue) }
        let placed = queue.place(
            bench.job(3, first: 3, principalNumber: 1),
            atNs: 0
        )
        _ = queue.withdraw(try #require(placed).place)
        #expect(queue.take()?.batch.count == 1)
        #expect(displaced(claim(2), &queue) == 2)
        #expect(displaced(claim(2), &queue) == nil)
        #expect(queue.take()?.batch.count == 1)
        #expect(queue.take() == nil)
        #expect(displaced(claim(2, priority: 10), &queue) == nil)
    }

    @Test("the server's queues count all models together, a model's queue its own alone")
    func scopes() throws {
        let shares = WaitingShares()
        let admissions = (0..<2).map { _ in Admission(shares: shares) }
        let benches = [bench, try BatchBench(plan: .alone(""), model: "n")]
        var queue = BatchQueue()
        func add(_ id: Int, _ principal: UInt64, _ model: Int) {
            let made = bench.job(id, first: Float(id), principalNumber: principal)
            queue.add(
                Job(
                    request: made.request,
                    slot: benches[model].slot,
                    admission: admissions[model],
                    loadNs: 0
                )
            )
        }
        for id in 0..<3 { add(id, 1, 0) }
        for id in 10..<12 { add(id, 2, 0) }
        for id in 20..<22 { add(id, 2, 1) }
        #expect(id(shares.takeDisplaced(for: claim(3), in: .server)) == 21)
        #expect(id(shares.takeDisplaced(for: claim(3), in: .model(admissions[0]))) == 2)
        #expect(shares.takeDisplaced(for: claim(3), in: .model(admissions[1])) == nil)
    }

    @Test("requests of a few bytes count as places where places are few")
    func places() {
        var queue = BatchQueue()
        let make = { (id: Int, principal: UInt64, rows: Int) in
            let made = self.bench.job(id, rows: rows, first: Float(id), principalNumber: principal)
            return Job(
                request: made.request,
                slot: self.bench.slot,
                admission: self.bench.admission,
                loadNs: 0,
                placeBytes: 100
            )
        }
        for id in 0..<10 { queue.add(make(id, 1, 1)) }
        queue.add(make(20, 2, 40))
        let newcomer = ShareLedger.Claim(make(30, 3, 1).request, placeBytes: 100)
        #expect(displaced(newcomer, &queue) == 9)
    }

    @Test("a full queue takes the request of a principal with less in place of one with most")
    func served() async throws {
        for (requests, whole, bytes) in [(4, 100, 1 << 20), (100, 4, 1 << 20), (100, 100, 64)] {
            try await ServingWorld.with {
                $0.executorThreads = 1
                $0.queuedRequestsPerModel = requests
                $0.queuedRequests = whole
                $0.queuedBytesPerModel = bytes
            } _: { world in
                let gate = Gate()
                world.script("v1", FakeScript(runGate: gate))
                try await world.publishAndWait("v1")
                let running = world.begin(principalNumber: 1)
                await gate.waitForArrivals(1)
                let cancellation = Cancellation()
                let flood = (0..<3).map { index in
                    world.begin(
                        principalNumber: 1,
                        onCancel: { if index == 2 { cancellation.register($0) } }
                    )
                }
                let more = world.begin(principalNumber: 1)
                guard case .failure(let refused) = await more.value else {
                    Issue.record("the principal with the most was not refused")
                    return
                }
                #expect(refused.message.contains("full"))
                let modest = world.begin(principalNumber: 2)
                guard case .failure(let lost) = await flood[2].value else {
                    Issue.record("the newest request of the principal with the most was run")
                    return
                }
                #expect(lost.code == .resourceExhausted && lost.retryAfterNs != nil)
                #expect(lost.message.contains("this caller had the most in it"))
                // It is answered once: a later cancellation finds nothing.
                cancellation.cancel()
                #expect(world.host.figures.queues.first?.requests == 4)
                #expect(world.host.figures.versions.first?.displaced == 1)
                gate.open()
                for answer in [running, modest] + flood.prefix(2) {
                    #expect(try await answer.value.get().version == 1)
                }
                #expect(world.host.figures.queues.first?.requests == 0)
            }
        }
    }
}
