import Engine
import EngineTesting
import Metrics
import Synchronization
import Testing

@testable import Serving

@Suite("What serving counts", .timeLimit(.minutes(1)))
struct MeteringTests {
    /// What requests were counted with.
    private final class Routed: Sendable {
        private let meters = Mutex<[CallMeter]>([])

        var all: [CallMeter] { meters.withLock { $0 } }

        func add(_ meter: CallMeter) { meters.withLock { $0.append(meter) } }
    }

    @Test("a batch is one run of all its rows, and each request has its wait and its run")
    func batch() throws {
        let bench = try BatchBench()
        BatchRun([bench.job(0), bench.job(1, rows: 3)]).run()
        BatchRun([bench.job(2)]).run()
        let figures = bench.slot.meter.figures
        #expect(figures.rows.count == 2)
        #expect(figures.rows.sum == 5)
        #expect(figures.compute.count == 3)
        #expect(figures.queue.count == 3)
    }

    @Test("a run that fails is not counted, and its halves are")
    func halves() throws {
        let bench = try BatchBench(
            FakeScript(answer: .fail(EngineError(.runtimeFailed, "no")))
        )
        BatchRun([bench.job(0), bench.job(1)]).run()
        #expect(bench.slot.meter.figures.rows.count == 0)
        #expect(bench.slot.meter.figures.queue.count == 0)
    }

    @Test("a request is counted with the version that is to answer, before its queue is full")
    func routed() async throws {
        try await ServingWorld.with(limits: { $0.queuedRequestsPerModel = 1 }) { world in
            let gate = Gate()
            world.script("one", FakeScript(runGate: gate))
            try await world.publishAndWait("one")
            let routed = Routed()
            let first = world.begin(onRouted: routed.add)
            let second = world.begin(onRouted: routed.add)
            #expect(await second.value.isFailure)
            gate.open()
            _ = await first.value
            #expect(routed.all.map(\.version) == [1, 1])
            #expect(routed.all.allSatisfy { $0 === routed.all.first })
        }
    }

    @Test("a request for a version that there is not is counted with its model")
    func unknownVersion() async throws {
        try await ServingWorld.with { world in
            try await world.publishAndWait("one")
            let routed = Routed()
            _ = await world.begin(.version(9), onRouted: routed.add).value
            _ = await world.begin(.alias("none"), onRouted: routed.add).value
            #expect(routed.all.map(\.model) == ["m", "m"])
            #expect(routed.all.map(\.version) == [0, 0])
        }
    }

    @Test("a model that does not exist makes no series")
    func unknownModel() async throws {
        try await ServingWorld.with { world in
            let routed = Routed()
            _ = await world.begin(model: "made-up", onRouted: routed.add).value
            #expect(routed.all.isEmpty)
            #expect(world.host.figures.models.isEmpty)
            #expect(world.host.figures.versions.isEmpty)
            #expect(world.host.figures.queues.isEmpty)
        }
    }

    @Test("loads, swaps and loaded bytes are counted")
    func swaps() async throws {
        try await ServingWorld.with { world in
            try await world.publishAndWait("one")
            #expect(world.host.figures.models.isEmpty, "nothing answered before")
            try await world.publishAndWait("two")
            try await world.publishAndWait("three!")
            let figures = world.host.figures
            #expect(figures.loads.count == 3)
            #expect(figures.failedLoads == 0)
            #expect(figures.models.map(\.model) == ["m"])
            #expect(figures.models.first?.swaps.count == 2)
            #expect(figures.models.first?.drainedRequests == 0)
            #expect(figures.versions.map(\.version) == [1, 2, 3])
            #expect(await eventually { world.host.figures.versions[0].loadedBytes == 0 })
            let bytes = world.host.figures.versions.map(\.loadedBytes)
            #expect(bytes[1] > 0)
            #expect(bytes[2] == bytes[1] + 3)
        }
    }

    @Test("a swap is over when the version before has answered what it held")
    func drained() async throws {
        try await ServingWorld.with { world in
            let gate = Gate()
            world.script("one", FakeScript(runGate: gate))
            try await world.publishAndWait("one")
            let routed = Routed()
            let held = world.begin(onRouted: {
                $0.began()
                routed.add($0)
            })
            try await world.publishAndWait("two")
            #expect(world.host.figures.models.first?.swaps.count ?? 0 == 0)
            gate.open()
            _ = await held.value
            routed.all[0].ended(code: 13, afterNs: 1)
            let model = try #require(world.host.figures.models.first)
            #expect(model.swaps.count == 1)
            #expect(model.drainedRequests == 1)
            #expect(model.failedRequests == 1)
        }
    }

    @Test("counts go on when a version is loaded again")
    func reloaded() {
        let meters = ServingMeters()
        let id = VersionID(model: "m", version: 1)
        let meter = meters.version(id)
        meter.ran(requests: 1, rows: 1, computeNs: 1)
        #expect(meters.version(id) === meter)
    }

    @Test("of versions that are not loaded, those loaded last keep their counts")
    func bounded() {
        let meters = ServingMeters()
        func id(_ version: Int) -> VersionID { VersionID(model: "m", version: UInt64(version)) }
        meters.version(id(1)).loaded(10)
        let limit = ServingMeters.maxUnloaded
        for version in 2...limit + 2 { _ = meters.version(id(version)) }
        // The first is loaded, the last is being loaded now.
        #expect(meters.figures.versions.count == limit + 2)
        _ = meters.version(id(limit + 3))
        let kept = meters.figures.versions.map(\.version)
        #expect(kept == [1] + (3...limit + 3).map(UInt64.init))
        _ = meters.version(VersionID(model: "n", version: 1))
        #expect(meters.figures.versions.count == limit + 3, "each model has its own")
    }
}

extension ServingWorld.Answer {
    fileprivate var isFailure: Bool {
        if case .failure = self { true } else { false }
    }
}
