import Engine
import EngineTesting
import Registry
import Serving
import Testing

@Suite("Rollback and what stays warm")
struct RollbackTests {
    @Test("a rollback loads nothing, and answers when it returns")
    func warm() async throws {
        try await ServingWorld.with { world in
            try await world.publishAndWait("v1")
            try await world.publishAndWait("v2")
            #expect(world.engine.loads == 2)
            let move = try await world.rollback()
            #expect(try await world.answering() == 1)
            #expect(await world.outcome(of: move) == .served)
            #expect(world.engine.loads == 2)
        }
    }

    @Test("a rollback during a long load does not wait for it")
    func duringLoad() async throws {
        try await ServingWorld.with { world in
            try await world.publishAndWait("v1")
            try await world.publishAndWait("v2")
            let gate = Gate()
            world.script("v3", FakeScript(loadGate: gate))
            let third = try await world.publish("v3")
            await gate.waitForArrivals(1)
            // The pending move is the present one: back is what answers now.
            let move = try await world.rollback()
            #expect(move.version == 2)
            #expect(await world.outcome(of: move) == .served)
            #expect(await world.outcome(of: third) == .superseded)
            let further = try await world.rollback()
            #expect(further.version == 1)
            #expect(await world.outcome(of: further) == .served)
            #expect(try await world.answering() == 1)
            gate.open()
            #expect(await eventually { world.engine.loadedModels == 2 })
            #expect(try await world.answering() == 1)
        }
    }

    @Test("only the version before the present one stays warm; others are freed")
    func unloads() async throws {
        try await ServingWorld.with { world in
            for version in 1...4 { try await world.publishAndWait("v\(version)") }
            #expect(await eventually { world.engine.loadedModels == 2 })
            let status = await world.reconciler.status(of: VersionID(model: "m", version: 1))
            #expect(status == nil)
        }
    }

    @Test("a version that was let go of drains, and is freed when its last request ends")
    func drains() async throws {
        try await ServingWorld.with { world in
            let gate = Gate()
            world.script("v1", FakeScript(runGate: gate))
            try await world.publishAndWait("v1")
            let request = world.begin()
            await gate.waitForArrivals(1)
            try await world.publishAndWait("v2")
            try await world.publishAndWait("v3")
            let first = VersionID(model: "m", version: 1)
            #expect(await world.reconciler.status(of: first)?.load == .draining)
            #expect(world.engine.loadedModels == 3)
            gate.open()
            #expect(try await request.value.get().version == 1)
            #expect(await eventually { world.engine.loadedModels == 2 })
            #expect(await eventually { await world.reconciler.status(of: first) == nil })
        }
    }

    @Test("a move to what answers already is served at once")
    func sameVersion() async throws {
        try await ServingWorld.with { world in
            try await world.publishAndWait("v1")
            let move = try await world.setAlias(1)
            #expect(await world.outcome(of: move) == .served)
            #expect(world.engine.loads == 1)
        }
    }
}
