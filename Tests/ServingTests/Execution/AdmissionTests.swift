import Engine
import EngineTesting
import Synchronization
import Testing
import Text

@testable import Serving

@Suite("Admission")
struct AdmissionTests {
    /// A server whose one thread is held by a request of the model "m" until the gate opens.
    private func withHeldServer(
        _ configure: @escaping (inout ServingLimits) -> Void = { _ in },
        _ body: (ServingWorld, Gate) async throws -> Void
    ) async throws {
        try await ServingWorld.with {
            $0.executorThreads = 1
            configure(&$0)
        } _: { world in
            let gate = Gate()
            world.script("v1", FakeScript(runGate: gate))
            try await world.publishAndWait("v1")
            let running = world.begin()
            await gate.waitForArrivals(1)
            try await body(world, gate)
            gate.open()
            #expect(try await running.value.get().version == 1)
        }
    }

    private func error(_ answer: PendingAnswer) async -> ServingError? {
        switch await answer.value {
        case .failure(let error): error
        case .success: nil
        }
    }

    @Test("all models together take requests up to the server's limit, and one more is refused")
    func wholeRequests() async throws {
        try await withHeldServer {
            $0.queuedRequests = 3
        } _: { world, gate in
            // A model that holds its threads for long leaves one to others.
            world.script("a1", FakeScript(runGate: gate))
            try await world.publishAndWait("a1", model: "a")
            let taken = [world.begin(), world.begin(model: "a")]
            for model in ["m", "a"] {
                let refused = await error(world.begin(model: model))
                #expect(refused?.code == .resourceExhausted)
                #expect(refused?.message.contains("the server's queues are full") == true)
                #expect(refused?.retryAfterNs != nil)
            }
            gate.open()
            for answer in taken { #expect(try await answer.value.get().rows == 1) }
            for _ in 0..<9 { #expect(await world.refusal(model: "a") == nil) }
        }
    }

    @Test("all models together take bytes up to the server's limit, and a larger request never")
    func wholeBytes() async throws {
        try await withHeldServer {
            $0.queuedBytes = 4 * ServingWorld.rowBytes
        } _: { world, gate in
            // A model that holds its threads for long leaves one to others.
            world.script("a1", FakeScript(runGate: gate))
            try await world.publishAndWait("a1", model: "a")
            let second = world.begin(model: "a", rows: 2)
            #expect(await world.refusal(rows: 2) == .resourceExhausted)
            let third = world.begin()
            #expect(await world.refusal() == .resourceExhausted)
            gate.open()
            #expect(try await second.value.get().rows == 2)
            #expect(try await third.value.get().rows == 1)
            #expect(await world.refusal(rows: 4) == nil)
            #expect(await world.refusal(rows: 5) == .resourceExhausted)
            // What was refused by the server keeps nothing of its model's.
            #expect(world.host.figures.queues.allSatisfy { $0.requests == 0 && $0.bytes == 0 })
        }
    }

    @Test("a request that is cancelled while it waits is answered and leaves its place at once")
    func cancelledInQueue() async throws {
        try await withHeldServer {
            $0.queuedRequestsPerModel = 2
        } _: { world, _ in
            let cancellation = Cancellation()
            let waiting = world.begin(rows: 3, onCancel: { cancellation.register($0) })
            #expect(await world.refusal() == .resourceExhausted)
            cancellation.cancel()
            #expect(waiting.isAnswered)
            #expect(await error(waiting)?.code == .cancelled)
            let present = world.host.figures.queues.first { $0.model == "m" }
            #expect(present?.requests == 1)
            #expect(present?.bytes == ServingWorld.rowBytes)
            let late = world.begin(onCancel: { cancellation.register($0) })
            #expect(late.isAnswered)
            #expect(world.engine.runs == 1)
        }
    }

    @Test("a request that is cancelled while its version is loaded leaves its place at once")
    func cancelledInLoad() async throws {
        try await ServingWorld.with {
            $0.queuedRequestsPerModel = 2
        } _: { world in
            let gate = Gate()
            world.script("v1", FakeScript(loadGate: gate))
            _ = try await world.store("v1")
            let cancellation = Cancellation()
            let left = world.begin(.version(1), onCancel: { cancellation.register($0) })
            let stayed = world.begin(.version(1))
            #expect(await world.refusal(.version(1)) == .resourceExhausted)
            cancellation.cancel()
            #expect(left.isAnswered)
            let third = world.begin(.version(1))
            gate.open()
            #expect(try await stayed.value.get().version == 1)
            #expect(try await third.value.get().version == 1)
            #expect(world.engine.loads == 1)
            #expect(world.host.figures.queues.allSatisfy { $0.requests == 0 })
        }
    }

    @Test("what waits past its deadline is never run, and says so")
    func expiredInQueue() throws {
        let bench = try BatchBench()
        BatchRun([
            bench.job(0, deadlineNs: 1), bench.job(1), bench.job(2, deadlineNs: .max),
        ]).run()
        #expect(bench.engine.runs == 1)
        #expect(try bench.answer(1)?.get().batchRows == 2)
        guard case .failure(let error) = bench.answer(0) else {
            Issue.record("an expired request was answered")
            return
        }
        #expect(error.code == .deadlineExceeded)
        BatchRun([bench.job(3, deadlineNs: 1)]).run()
        #expect(bench.engine.runs == 1)
    }

    @Test("a request with less time left than a run needs is not run where others wait")
    func tooLate() throws {
        let bench = try BatchBench()
        let hour: UInt64 = 3_600_000_000_000
        let deadline = Uptime.ns + hour
        let jobs = [bench.job(0, deadlineNs: deadline), bench.job(1)]
        #expect(BatchRun(jobs, neededNs: 2 * hour).run().gaveAnswers)
        #expect(bench.engine.runs == 1)
        #expect(try bench.answer(1)?.get().batchRows == 1)
        guard case .failure(let error) = bench.answer(0) else {
            Issue.record("a request that could not end in time was run")
            return
        }
        #expect(error.code == .deadlineExceeded)
        #expect(
            BatchRun([bench.job(2, deadlineNs: deadline)], neededNs: hour / 2).run().gaveAnswers
        )
        #expect(BatchRun([bench.job(3, deadlineNs: deadline)]).run().gaveAnswers)
        #expect(!BatchRun([bench.job(4, deadlineNs: 1)]).run().gaveAnswers)
        #expect(bench.engine.runs == 3)
    }

    @Test("a request whose deadline has passed when it would be queued is not queued")
    func expiredOnArrival() async throws {
        try await withHeldServer { world, _ in
            let late = world.begin(deadlineNs: 1)
            #expect(await error(late)?.code == .deadlineExceeded)
            #expect(world.host.figures.queues.first { $0.model == "m" }?.requests == 1)
        }
    }

    @Test("a model of which nothing was measured takes 1,024 requests, and then its limit")
    func unmeasured() async throws {
        try await withHeldServer {
            $0.queueMilliseconds = 600_000
            $0.queuedRequestsPerModel = 2_000
        } _: { world, gate in
            let limit = ServingLimits.queuedRequestsUnmeasured
            var taken = (1..<limit).map { _ in world.begin() }
            let refused = await error(world.begin())
            #expect(refused?.code == .resourceExhausted)
            #expect(refused?.message.contains("at most 1024 requests") == true)
            #expect(refused?.retryAfterNs == WorkRate.unknownRetryNs)
            gate.open()
            for answer in taken { _ = try await answer.value.get() }
            gate.close()
            let arrived = gate.arrived
            taken = (0..<2_000).map { _ in world.begin() }
            await gate.waitForArrivals(arrived + 1)
            #expect(await error(world.begin())?.message.contains("at most 2000 requests") == true)
            gate.open()
            for answer in taken { _ = try await answer.value.get() }
        }
    }

    @Test("a request that does not fit the model does not wait, and is not measured")
    func wrongInput() async throws {
        try await withHeldServer { world, _ in
            let wrong = world.begin(rows: 0)
            #expect(world.host.figures.queues.first { $0.model == "m" }?.requests == 2)
            #expect(!wrong.isAnswered)
            let none = world.begin(outputNames: ["z"])
            #expect(none.isAnswered)
            #expect(await error(none)?.code == .invalidArgument)
            #expect(world.host.figures.queues.first { $0.model == "m" }?.requests == 2)
        }
    }

    @Test("a full queue takes a higher priority in place of the lowest, which is refused")
    func displaced() async throws {
        try await withHeldServer {
            $0.queuedRequestsPerModel = 3
        } _: { world, gate in
            let ordinary = world.begin()
            let low = world.begin(rows: 2, priority: -1)
            #expect(await world.refusal(rows: 3) == .resourceExhausted)
            let first = world.begin()
            #expect(await error(low)?.code == .resourceExhausted)
            #expect(await error(low)?.retryAfterNs != nil)
            #expect(await world.refusal() == .resourceExhausted)
            let high = world.begin(priority: 10)
            #expect(first.isAnswered)
            #expect(!ordinary.isAnswered)
            let present = world.host.figures.queues.first { $0.model == "m" }
            #expect(present?.requests == 3)
            #expect(present?.bytes == 3 * ServingWorld.rowBytes)
            gate.open()
            for answer in [high, ordinary] { _ = try await answer.value.get() }
        }
    }
}

@Suite("The count of a queue")
struct QueueLoadTests {
    @Test("takers on many threads get exactly the places that there are")
    func exact() async {
        let load = QueueLoad()
        let taken = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    (0..<1_000).count { _ in
                        load.enter(bytes: 7, requestLimit: 3_000, byteLimit: 7 * 2_500)
                    }
                }
            }
            return await group.reduce(0, +)
        }
        #expect(taken == 2_500)
        #expect(load.present == (2_500, 17_500))
    }

    @Test("the largest limits do not run into each other")
    func largest() {
        let load = QueueLoad()
        let bytes = ServingLimits.maxQueuedBytes
        #expect(load.enter(bytes: bytes, requestLimit: 1_000_000, byteLimit: bytes))
        #expect(load.present == (1, bytes))
        #expect(load.enter(bytes: 0, requestLimit: 1_000_000, byteLimit: bytes))
        #expect(!load.enter(bytes: 1, requestLimit: 1_000_000, byteLimit: bytes))
        load.leave(bytes: bytes)
        #expect(load.present == (1, 0))
        for _ in 1..<1_000_000 {
            _ = load.enter(bytes: bytes / 1_000_000, requestLimit: 1_000_000, byteLimit: bytes)
        }
        #expect(load.present == (1_000_000, bytes / 1_000_000 * 999_999))
        #expect(!load.enter(bytes: 0, requestLimit: 1_000_000, byteLimit: bytes))
    }
}
