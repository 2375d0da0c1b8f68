import Engine
import EngineTesting
import Registry
import Serving
import Testing

@Suite("Versions asked for by number")
struct ByNumberTests {
    @Test("a version without an alias loads on demand, once, and stays")
    func onDemand() async throws {
        try await ServingWorld.with { world in
            try await world.publishAndWait("v1")
            let gate = Gate()
            world.script("v2", FakeScript(loadGate: gate))
            _ = try await world.store("v2")
            let requests = (0..<3).map { _ in world.begin(.version(2)) }
            await gate.waitForArrivals(1)
            #expect(try await world.answering() == 1)
            gate.open()
            for request in requests {
                let prediction = try await request.value.get()
                #expect(prediction.version == 2 && prediction.loadNs > 0)
            }
            let warm = try await world.predict(.version(2)).get()
            #expect(warm.version == 2 && warm.loadNs == 0)
            #expect(world.engine.loads == 2)
        }
    }

    @Test("at most so many stay, and the least recently used leaves")
    func leastRecentlyUsed() async throws {
        try await ServingWorld.with {
            $0.pinnedVersions = 2
        } _: { world in
            try await world.publishAndWait("v1")
            for version in 2...4 { _ = try await world.store("v\(version)") }
            #expect(try await world.answering(.version(2)) == 2)
            #expect(try await world.answering(.version(3)) == 3)
            // A use without a load counts too: now 3 is the older one.
            #expect(try await world.answering(.version(2)) == 2)
            #expect(try await world.answering(.version(4)) == 4)
            #expect(await eventually { world.engine.loadedModels == 3 })
            let loads = world.engine.loads
            #expect(try await world.answering(.version(2)) == 2)
            #expect(try await world.answering(.version(4)) == 4)
            #expect(world.engine.loads == loads)
            #expect(try await world.answering(.version(3)) == 3)
            #expect(world.engine.loads == loads + 1)
        }
    }

    @Test("eight stay by default, and what an alias answers with is not one of them")
    func defaultLimit() async throws {
        try await ServingWorld.with { world in
            try await world.publishAndWait("v1")
            for version in 2...10 { _ = try await world.store("v\(version)") }
            for version in 1...9 {
                #expect(try await world.answering(.version(UInt64(version))) == UInt64(version))
            }
            #expect(world.engine.loadedModels == 9)
            #expect(try await world.answering(.version(10)) == 10)
            #expect(await eventually { world.engine.loadedModels == 9 })
            #expect(try await world.answering() == 1)
        }
    }

    @Test("numbers of versions that are not there push none out, and load nothing")
    func unknownNumbers() async throws {
        try await ServingWorld.with {
            $0.pinnedVersions = 1
        } _: { world in
            try await world.publishAndWait("v1")
            _ = try await world.store("v2")
            #expect(try await world.answering(.version(2)) == 2)
            for version in 3..<20 {
                #expect(await world.refusal(.version(UInt64(version))) == .notFound)
            }
            #expect(try await world.answering(.version(2)) == 2)
            #expect(world.engine.loads == 2)
        }
    }

    @Test("a version that is not there is told at once, while another loads")
    func notBehindLoads() async throws {
        try await ServingWorld.with { world in
            let gate = Gate()
            world.script("v1", FakeScript(loadGate: gate))
            let move = try await world.publish("v1")
            await gate.waitForArrivals(1)
            #expect(await world.refusal(.version(9)) == .notFound)
            gate.open()
            #expect(await world.outcome(of: move) == .served)
        }
    }

    @Test("a failure that may pass is told, and the next request tries again")
    func passing() async throws {
        try await ServingWorld.with { world in
            let failure = EngineError(.unavailable, "no memory")
            world.script("v1", FakeScript(loadFailure: failure))
            _ = try await world.store("v1")
            #expect(await world.refusal(.version(1)) == .unavailable)
            world.script("v1", FakeScript())
            #expect(try await world.answering(.version(1)) == 1)
        }
    }

    @Test("a version that does not load is rejected by who asks for it, with the reason")
    func rejected() async throws {
        try await ServingWorld.with { world in
            world.script("v1", FakeScript(loadFailure: EngineError(.invalidModel, "it is broken")))
            _ = try await world.store("v1")
            for _ in 0..<2 {
                guard case .failure(let error) = await world.predict(.version(1)) else {
                    Issue.record("a broken version answered")
                    return
                }
                #expect(error.code == .failedPrecondition)
                #expect(error.message.contains("it is broken"))
            }
            #expect(world.engine.loads == 1)
            #expect(try world.registry.version(model: "m", version: 1).state == .rejected)
        }
    }
}
