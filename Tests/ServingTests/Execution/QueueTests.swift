import Engine
import EngineTesting
import Registry
import Serving
import Synchronization
import Testing

@Suite("The queue of a model")
struct QueueTests {
    @Test("requests are taken up to the limit, and refused at once past it")
    func requestLimit() async throws {
        try await ServingWorld.with {
            $0.queuedRequestsPerModel = 3
            $0.executorThreads = 1
        } _: { world in
            let gate = Gate()
            world.script("v1", FakeScript(runGate: gate))
            try await world.publishAndWait("v1")
            try await world.publishAndWait("a1", model: "a")
            let taken = (0..<3).map { _ in world.begin() }
            let refused = world.begin()
            #expect(refused.isAnswered)
            guard case .failure(let error) = await refused.value else { return }
            #expect(error.code == .resourceExhausted)
            #expect(taken.allSatisfy { !$0.isAnswered })
            // Each model has its own places, though all have the same threads.
            let other = world.begin(model: "a")
            gate.open()
            for answer in taken { #expect(try await answer.value.get().version == 1) }
            #expect(try await other.value.get().version == 1)
            // A place is free again before its answer is out.
            for _ in 0..<20 { #expect(await world.refusal() == nil) }
        }
    }

    @Test("bytes are taken up to the limit; one request larger than it runs by itself")
    func byteLimit() async throws {
        try await ServingWorld.with {
            $0.queuedBytesPerModel = 3 * ServingWorld.rowBytes
        } _: { world in
            let gate = Gate()
            world.script("v1", FakeScript(runGate: gate))
            try await world.publishAndWait("v1")
            let first = world.begin(rows: 2)
            #expect(await world.refusal(rows: 2) == .resourceExhausted)
            let second = world.begin(rows: 1)
            #expect(await world.refusal(rows: 1) == .resourceExhausted)
            gate.open()
            #expect(try await first.value.get().rows == 2)
            #expect(try await second.value.get().rows == 1)
            #expect(await world.refusal(rows: 10) == nil)
        }
    }

    @Test("what a request keeps in memory counts, and not less than its tensors")
    func heldBytes() async throws {
        try await ServingWorld.with {
            $0.queuedBytesPerModel = 10 * ServingWorld.rowBytes
        } _: { world in
            let gate = Gate()
            world.script("v1", FakeScript(runGate: gate))
            try await world.publishAndWait("v1")
            let first = world.begin(heldBytes: 8 * ServingWorld.rowBytes)
            #expect(await world.refusal(rows: 3) == .resourceExhausted)
            let second = world.begin(rows: 2, heldBytes: 0)
            #expect(await world.refusal() == .resourceExhausted)
            gate.open()
            #expect(try await first.value.get().rows == 1)
            #expect(try await second.value.get().rows == 2)
            #expect(await world.refusal(rows: 10) == nil)
        }
    }

    @Test("requests that wait for a load stand in the queue too")
    func waitingForLoad() async throws {
        try await ServingWorld.with {
            $0.queuedRequestsPerModel = 2
        } _: { world in
            let gate = Gate()
            world.script("v1", FakeScript(loadGate: gate))
            _ = try await world.store("v1")
            let taken = (0..<2).map { _ in world.begin(.version(1)) }
            #expect(await world.refusal(.version(1)) == .resourceExhausted)
            gate.open()
            for answer in taken { #expect(try await answer.value.get().version == 1) }
            #expect(await world.refusal(.version(9)) == .notFound)
            #expect(await world.refusal(.version(9)) == .notFound)
            #expect(await world.refusal(.version(9)) == .notFound)
        }
    }

    @Test("a request that was cancelled while it waited never runs")
    func cancelled() async throws {
        try await ServingWorld.with {
            $0.executorThreads = 1
        } _: { world in
            let gate = Gate()
            world.script("v1", FakeScript(runGate: gate))
            try await world.publishAndWait("v1")
            let running = world.begin()
            await gate.waitForArrivals(1)
            let isCancelled = Atomic(false)
            let waiting = world.begin(isCancelled: { isCancelled.load(ordering: .relaxed) })
            isCancelled.store(true, ordering: .relaxed)
            gate.open()
            #expect(try await running.value.get().version == 1)
            guard case .failure(let error) = await waiting.value else {
                Issue.record("a cancelled request was answered")
                return
            }
            #expect(error.code == .cancelled)
            #expect(world.engine.runs == 1)
        }
    }

    @Test("a run that nobody waits for any more is ended, and leaves its place")
    func cancelledRun() async throws {
        try await ServingWorld.with {
            $0.executorThreads = 1
            $0.queuedRequestsPerModel = 1
        } _: { world in
            let gate = Gate()
            world.script("v1", FakeScript(runGate: gate))
            try await world.publishAndWait("v1")
            let cancellation = Cancellation()
            let running = world.begin(onCancel: { cancellation.register($0) })
            await gate.waitForArrivals(1)
            cancellation.cancel()
            guard case .failure(let error) = await running.value else {
                Issue.record("a cancelled run was answered")
                return
            }
            #expect(error.code == .cancelled)
            // One that was cancelled between the look at it and its run does not run.
            let late = world.begin(onCancel: { cancellation.register($0) })
            guard case .failure(let lateError) = await late.value else {
                Issue.record("a cancelled run was answered")
                return
            }
            #expect(lateError.code == .cancelled)
            gate.open()
            #expect(await world.refusal() == nil)
        }
    }

    @Test("a run that was stopped is no measurement of the model")
    func stoppedRun() async throws {
        try await ServingWorld.with {
            $0.executorThreads = 1
        } _: { world in
            let gate = Gate()
            world.script("v1", FakeScript(runGate: gate))
            try await world.publishAndWait("v1")
            let cancellation = Cancellation()
            let stopped = world.begin(onCancel: { cancellation.register($0) })
            await gate.waitForArrivals(1)
            cancellation.cancel()
            _ = await stopped.value
            // The one thread is free again when this waits in the gate: all that it notes is noted.
            let running = world.begin()
            await gate.waitForArrivals(2)
            let more = (1..<ServingLimits.queuedRequestsUnmeasured).map { _ in world.begin() }
            #expect(await world.refusal() == .resourceExhausted)
            gate.open()
            for answer in [running] + more { _ = try await answer.value.get() }
        }
    }

    @Test("what is queued at the stop is run to its end")
    func stop() async throws {
        try await ServingWorld.with {
            $0.executorThreads = 1
        } _: { world in
            let gate = Gate()
            world.script("v1", FakeScript(runGate: gate))
            try await world.publishAndWait("v1")
            let requests = (0..<3).map { _ in world.begin() }
            await gate.waitForArrivals(1)
            await world.host.stop()
            gate.open()
            for request in requests { #expect(try await request.value.get().version == 1) }
        }
    }

    @Test(
        "what an engine throws on a request has its code",
        arguments: [
            (EngineError(.invalidInput, "bad"), ServingError.Code.invalidArgument),
            (EngineError(.runtimeFailed, "bad"), .internalFailure),
            (EngineError(.terminated, "bad"), .cancelled),
            (EngineError(.unavailable, "bad"), .unavailable),
            (EngineError(.outOfMemory, "bad"), .resourceExhausted),
        ]
    )
    func codes(_ error: EngineError, _ code: ServingError.Code) async throws {
        try await ServingWorld.with { world in
            world.script("v1", FakeScript(answer: .fail(error)))
            try await world.publishAndWait("v1")
            #expect(await world.refusal() == code)
        }
    }

    @Test("a request whose tensors do not fit the model is refused, and leaves its place")
    func badInput() async throws {
        try await ServingWorld.with {
            $0.queuedRequestsPerModel = 1
        } _: { world in
            world.script("v1", FakeScript(signature: .rows(columns: 5)))
            try await world.publishAndWait("v1")
            for _ in 0..<3 { #expect(await world.refusal() == .invalidArgument) }
            #expect(world.engine.runs == 0)
        }
    }
}
