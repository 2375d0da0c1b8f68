import Engine
import EngineTesting
import Registry
import Serving
import Testing

@Suite("Deletion")
struct DeletionTests {
    private static func delete(_ alias: String, in world: ServingWorld) async throws {
        try world.registry.deleteAlias(model: "m", alias: alias, principal: "cert:ann")
        await world.reconciler.aliasChanged(AliasID(model: "m", alias: alias))
    }

    private static func delete(_ version: UInt64, in world: ServingWorld) async throws {
        try world.registry.deleteVersion(model: "m", version: version, principal: "cert:ann")
        await world.reconciler.versionDeleted(VersionID(model: "m", version: version))
    }

    @Test("a deleted alias is gone when its deletion returns, and its versions are freed")
    func alias() async throws {
        try await ServingWorld.with { world in
            try await world.publishAndWait("v1")
            try await world.publishAndWait("v2")
            try await Self.delete("live", in: world)
            #expect(await world.refusal() == .notFound)
            #expect(await eventually { world.engine.loadedModels == 0 })
            let move = try await world.setAlias(1)
            #expect(await world.outcome(of: move) == .served)
            #expect(try await world.answering() == 1)
        }
    }

    @Test("an alias deleted while its first version loads is gone, and who waits is told")
    func aliasWhileLoading() async throws {
        try await ServingWorld.with { world in
            let gate = Gate()
            world.script("v1", FakeScript(loadGate: gate))
            let move = try await world.publish("v1")
            async let outcome = world.outcome(of: move)
            await gate.waitForArrivals(1)
            try await Self.delete("live", in: world)
            #expect(await outcome == .superseded)
            #expect(await world.refusal() == .notFound)
            gate.open()
            #expect(await eventually { world.engine.loads == 1 && world.engine.loadedModels == 0 })
            #expect(await world.refusal() == .notFound)
        }
    }

    @Test("the other alias of a version goes on when one is deleted")
    func oneOfTwo() async throws {
        try await ServingWorld.with { world in
            try await world.publishAndWait("v1")
            let canary = try await world.setAlias(1, alias: "canary")
            #expect(await world.outcome(of: canary) == .served)
            try await Self.delete("live", in: world)
            #expect(try await world.answering(.alias("canary")) == 1)
            #expect(world.engine.loadedModels == 1)
        }
    }

    @Test("a deleted version is not found, and the warm one is freed")
    func version() async throws {
        try await ServingWorld.with { world in
            try await world.publishAndWait("v1")
            try await world.publishAndWait("v2")
            #expect(try await world.answering(.version(1)) == 1)
            try await Self.delete(1, in: world)
            #expect(await world.refusal(.version(1)) == .notFound)
            #expect(await eventually { world.engine.loadedModels == 1 })
            #expect(try await world.answering() == 2)
        }
    }

    @Test("a version deleted while it is asked for by number is freed after that")
    func versionWhileLoading() async throws {
        try await ServingWorld.with { world in
            try await world.publishAndWait("v1")
            let gate = Gate()
            world.script("v2", FakeScript(loadGate: gate))
            _ = try await world.store("v2")
            let request = world.begin(.version(2))
            await gate.waitForArrivals(1)
            try await Self.delete(2, in: world)
            gate.open()
            _ = await request.value
            #expect(await world.refusal(.version(2)) == .notFound)
            #expect(await eventually { world.engine.loadedModels == 1 })
        }
    }
}
