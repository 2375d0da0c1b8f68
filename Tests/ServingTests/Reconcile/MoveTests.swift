import Engine
import EngineTesting
import Registry
import Serving
import Testing

@Suite("Moves of an alias")
struct MoveTests {
    @Test("a first publish through an alias goes live")
    func firstPublish() async throws {
        try await ServingWorld.with { world in
            #expect(try await world.publishAndWait("v1") == .served)
            #expect(try await world.answering() == 1)
            let alias = try world.alias()
            #expect(alias.version == 1 && alias.targetVersion == 1 && alias.failure.isEmpty)
            #expect(world.host.unreadiness(model: "m", alias: "live") == nil)
        }
    }

    @Test("until the first version is loaded, requests through its alias are told to come again")
    func stillLoading() async throws {
        try await ServingWorld.with { world in
            let gate = Gate()
            world.script("v1", FakeScript(loadGate: gate))
            let move = try await world.publish("v1")
            #expect(await world.refusal() == .unavailable)
            #expect(world.host.unreadiness(model: "m", alias: "live")?.code == .unavailable)
            await gate.waitForArrivals(1)
            let id = VersionID(model: "m", version: 1)
            #expect(await world.reconciler.status(of: id)?.load == .loading)
            gate.open()
            #expect(await world.outcome(of: move) == .served)
            #expect(try await world.answering() == 1)
            #expect(await world.reconciler.status(of: id)?.load == .ready)
        }
    }

    @Test("a model, an alias and a version that are not there are not found")
    func unknown() async throws {
        try await ServingWorld.with { world in
            try await world.publishAndWait("v1")
            #expect(await world.refusal(model: "other") == .notFound)
            #expect(await world.refusal(model: "other", .version(1)) == .notFound)
            #expect(await world.refusal(.alias("canary")) == .notFound)
            #expect(await world.refusal(.version(2)) == .notFound)
            #expect(await world.refusal(.version(0)) == .notFound)
            #expect(await world.refusal(.version(.max)) == .notFound)
            #expect(world.engine.loads == 1)
        }
    }

    @Test("what runs at a swap ends on its version, and all that comes later is the new one's")
    func swapUnderLoad() async throws {
        try await ServingWorld.with { world in
            let gate = Gate()
            world.script("v1", FakeScript(runGate: gate))
            try await world.publishAndWait("v1")
            let old = (0..<3).map { _ in world.begin() }
            await gate.waitForArrivals(3)
            #expect(try await world.publishAndWait("v2") == .served)
            for _ in 0..<20 { #expect(try await world.answering() == 2) }
            #expect(old.allSatisfy { !$0.isAnswered })
            gate.open()
            for answer in old { #expect(try await answer.value.get().version == 1) }
        }
    }

    @Test("no request fails while versions are swapped")
    func swapsWithoutFailure() async throws {
        try await ServingWorld.with { world in
            try await world.publishAndWait("v1")
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        var last: UInt64 = 0
                        while last < 6 {
                            let version = try await world.answering()
                            #expect(version >= last)
                            last = version
                        }
                    }
                }
                for version in 2...6 { try await world.publishAndWait("v\(version)") }
                try await group.waitForAll()
            }
        }
    }

    @Test("a move that was overtaken while it loaded is superseded, and the later one serves")
    func superseded() async throws {
        try await ServingWorld.with { world in
            try await world.publishAndWait("v1")
            let gate = Gate()
            world.script("v2", FakeScript(loadGate: gate))
            let second = try await world.publish("v2")
            await gate.waitForArrivals(1)
            async let first = world.outcome(of: second)
            let third = try await world.publish("v3")
            // Told at once, while the load that it waited for still goes on.
            #expect(await first == .superseded)
            #expect(try await world.answering() == 1)
            gate.open()
            #expect(await world.outcome(of: third) == .served)
            #expect(try await world.answering() == 3)
            let history = try world.registry.aliasHistory(
                model: "m",
                alias: "live",
                before: nil,
                limit: 10
            )
            #expect(history.map(\.outcome) == [.served, .superseded, .served])
        }
    }

    @Test("all who wait for one move hear of its end, early or late")
    func manyWaiters() async throws {
        try await ServingWorld.with { world in
            let gate = Gate()
            world.script("v1", FakeScript(loadGate: gate))
            let move = try await world.publish("v1")
            async let first = world.outcome(of: move)
            async let second = world.outcome(of: move)
            await gate.waitForArrivals(1)
            gate.open()
            #expect(await first == .served)
            #expect(await second == .served)
            #expect(await world.outcome(of: move) == .served)
            #expect(world.engine.loads == 1)
            try await world.publishAndWait("v2")
            #expect(await world.outcome(of: move) == .served)
        }
    }

    @Test("two aliases that move to one version share its load")
    func sharedLoad() async throws {
        try await ServingWorld.with { world in
            let gate = Gate()
            world.script("v1", FakeScript(loadGate: gate))
            let live = try await world.publish("v1")
            let canary = try await world.setAlias(1, alias: "canary")
            await gate.waitForArrivals(1)
            gate.open()
            #expect(await world.outcome(of: live) == .served)
            #expect(await world.outcome(of: canary) == .served)
            #expect(try await world.answering(.alias("canary")) == 1)
            #expect(world.engine.loads == 1)
        }
    }

    @Test("a move that never was keeps nobody waiting")
    func unknownMove() async throws {
        try await ServingWorld.with { world in
            try await world.publishAndWait("v1")
            let nowhere = AliasID(model: "m", alias: "nowhere")
            #expect(
                await world.reconciler.waitForMove(nowhere, generation: 1)?.outcome == .superseded
            )
            #expect(await world.refusal(.alias("nowhere")) == .notFound)
        }
    }
}
