import Engine
import EngineTesting
import Registry
import Serving
import Testing

@Suite("Waiting for a move")
struct WaitingTests {
    @Test("a server that stops keeps nobody waiting")
    func stopping() async throws {
        try await ServingWorld.with { world in
            let gate = Gate()
            world.script("v1", FakeScript(loadGate: gate))
            let move = try await world.publish("v1")
            await gate.waitForArrivals(1)
            async let first = world.outcome(of: move)
            async let second = world.outcome(of: move)
            await world.host.stop()
            #expect(await first == nil)
            #expect(await second == nil)
            #expect(await world.outcome(of: move) == nil)
            gate.open()
        }
    }

    @Test("a request after the stop is refused and not forgotten")
    func requestAfterStop() async throws {
        try await ServingWorld.with { world in
            try await world.publishAndWait("v1")
            await world.host.stop()
            #expect(await world.refusal() == .unavailable)
            #expect(await world.refusal(.version(1)) == .unavailable)
        }
    }

    @Test("who is cancelled waits no longer")
    func cancelled() async throws {
        try await ServingWorld.with { world in
            let gate = Gate()
            world.script("v1", FakeScript(loadGate: gate))
            let move = try await world.publish("v1")
            await gate.waitForArrivals(1)
            let waiting = Task { await world.outcome(of: move) }
            async let other = world.outcome(of: move)
            waiting.cancel()
            #expect(await waiting.value == nil)
            gate.open()
            #expect(await other == .served)
        }
    }

    @Test("a failure that may pass is tried again, and rejects nothing")
    func passing() async throws {
        try await ServingWorld.with { world in
            let gate = Gate()
            world.script(
                "v1",
                FakeScript(loadFailure: EngineError(.unavailable, "no memory"), loadGate: gate)
            )
            let move = try await world.publish("v1")
            await gate.waitForArrivals(1)
            gate.release()
            await gate.waitForArrivals(2)
            #expect(await world.refusal() == .unavailable)
            #expect(try world.alias().targetVersion == 1)
            world.script("v1", FakeScript())
            gate.open()
            #expect(await world.outcome(of: move) == .served)
            #expect(try world.registry.version(model: "m", version: 1).state == .stored)
        }
    }

    @Test("a rollback does not sit out the pause of a failed move")
    func pauseIsInterrupted() async throws {
        try await ServingWorld.with {
            $0.loadRetrySeconds = 60
        } _: { world in
            try await world.publishAndWait("v1")
            try await world.publishAndWait("v2")
            let failure = EngineError(.unavailable, "no memory")
            world.script("v3", FakeScript(loadFailure: failure))
            let third = try await world.publish("v3")
            #expect(
                await eventually {
                    await world.reconciler.status(of: VersionID(model: "m", version: 3))?.load
                        == .failed
                }
            )
            let change = try world.registry.rollback(
                model: "m",
                alias: "live",
                toVersion: 1,
                principal: "cert:ann"
            )
            await world.reconciler.aliasChanged(third.alias)
            #expect(try await world.answering() == 1)
            let back = ServingWorld.Move(
                alias: third.alias,
                version: 1,
                generation: change.alias.generation
            )
            #expect(await world.outcome(of: back) == .served)
            #expect(await world.outcome(of: third) == .superseded)
        }
    }
}
