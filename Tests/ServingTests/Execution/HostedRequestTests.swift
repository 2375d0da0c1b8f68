import Engine
import EngineTesting
import Testing
import Text

@testable import Serving

@Suite("Requests to a version in an engine host")
struct HostedRequestTests {
    /// Has a hosted version answer for a model of a server.
    private func route(_ hosted: HostedBench, in world: ServingWorld) {
        let slot = hosted.bench.slot
        world.host.routes.swap { table in
            table.update("m") { route in
                route.slots[slot.id.version] = slot
                route.aliases["live"] = .serving(slot)
            }
        }
    }

    private func request(
        _ first: Float,
        by principal: String,
        _ selector: VersionSelector,
        _ pending: PendingAnswer
    ) -> PredictionRequest {
        PredictionRequest(
            model: "m",
            selector: selector,
            inputs: [
                InputTensor(
                    name: "x",
                    type: .fp32,
                    shape: [1, 4],
                    bytes: bytes(of: [first, 0, 0, 0])
                )
            ],
            outputNames: [],
            principal: principal,
            isCancelled: { false },
            completion: { pending.complete($0) }
        )
    }

    private func predict(
        _ world: ServingWorld,
        _ first: Float,
        by principal: String = "cert:ann",
        _ selector: VersionSelector = .alias("live"),
        on loop: LoopRunner? = nil
    ) -> PendingAnswer {
        let pending = PendingAnswer()
        world.host.predict(request(first, by: principal, selector, pending), on: loop)
        return pending
    }

    @Test("it never runs on an event loop, however cheap its runs are")
    func noLoop() async throws {
        try await ServingWorld.with { world in
            let cheap = RunCost(rowNs: 1, limitNs: 1_000_000)
            let hosted = try HostedBench(cost: cheap)
            route(hosted, in: world)
            let loop = LoopRunner { Issue.record("a hosted version was to run on a loop") }
            let answer = predict(world, 3, on: loop)
            #expect(try await answer.value.get().version == 1)
        }
    }

    @Test(
        "after the third end its caller is refused before the queue, others are served",
        arguments: [VersionSelector.alias("live"), .version(1)]
    )
    func refused(selector: VersionSelector) async throws {
        try await ServingWorld.with { world in
            let hosted = try HostedBench()
            route(hosted, in: world)
            for _ in 0..<3 {
                let answer = predict(world, HostedBench.poison, by: "cert:eve", selector)
                guard case .failure(let error) = await answer.value else { continue }
                #expect(error.code == .internalFailure)
            }
            let refused = predict(world, 1, by: "cert:eve", selector)
            #expect(refused.isAnswered)
            guard case .failure(let error) = await refused.value else { return }
            #expect(error.code == .resourceExhausted && error.retryAfterNs != nil)
            #expect(try await predict(world, 2, selector).value.get().version == 1)
            #expect(hosted.runs(of: 1) == 0)
            #expect(world.host.figures.queues.allSatisfy { $0.requests == 0 && $0.bytes == 0 })
        }
    }

    @Test("its long runs take no executor from other models")
    func ownThreads() async throws {
        try await ServingWorld.with {
            $0.executorThreads = 1
        } _: { world in
            try await world.publishAndWait("a1", model: "a")
            let hosted = try HostedBench(gate: Gate())
            route(hosted, in: world)
            let held = predict(world, 1)
            await hosted.gate.waitForArrivals(1)
            #expect(try await world.answering(model: "a") == 1)
            #expect(!held.isAnswered)
            hosted.gate.open()
            #expect(try await held.value.get().version == 1)
        }
    }

    @Test("its threads end with the server")
    func serverStops() async throws {
        weak var watched: Executors?
        try await ServingWorld.with { world in
            let hosted = try HostedBench(threads: 2)
            watched = hosted.executors
            route(hosted, in: world)
            #expect(try await predict(world, 1).value.get().version == 1)
            await world.host.stop()
            #expect(throws: ServingError.self) { try hosted.submit(hosted.bench.job(1)) }
            world.host.routes.swap { $0 = RoutingTable() }
        }
        for _ in 0..<2_000 where watched != nil { try await Task.sleep(for: .milliseconds(5)) }
        #expect(watched == nil)
    }

    @Test("it has a thread fewer than the server, and the server has two where nothing is said")
    func threads() {
        var limits = ServingLimits()
        #expect(limits.executors >= 2)
        #expect(limits.executors == max(Processors.count, 2))
        for (threads, lanes) in [(1, 1), (2, 1), (3, 2), (1_024, 1_023)] {
            limits.executorThreads = threads
            #expect(limits.executors == threads && limits.hostLanes == lanes)
        }
    }
}
