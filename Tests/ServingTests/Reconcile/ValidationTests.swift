import Engine
import EngineTesting
import Registry
import Serving
import Testing

@Suite("Validation of a version that was tried before")
struct ValidationTests {
    private static let broken = FakeScript(loadFailure: EngineError(.invalidModel, "it is broken"))

    private func state(_ world: ServingWorld, _ version: UInt64 = 1) throws -> VersionInfo {
        try world.registry.version(model: "m", version: version)
    }

    @Test("a rejected version that passes now may serve, and the log says who asked")
    func passes() async throws {
        try await ServingWorld.with { world in
            world.script("v1", Self.broken)
            try await world.publishAndWait("v1")
            let id = VersionID(model: "m", version: 1)
            world.script("v1", FakeScript())
            #expect(try await world.validate(id) == .passed)
            let info = try state(world)
            #expect(info.state == .stored && info.reason.isEmpty)
            let events = try world.registry.auditPage(
                model: "m",
                after: 0,
                limit: 100,
                where: { _ in true }
            ).events
            #expect(events.last?.action == AuditAction.versionValidate)
            #expect(events.last?.principal == "cert:ann" && events.last?.version == 1)
            #expect(await world.outcome(of: try await world.setAlias(1)) == .served)
            #expect(try await world.answering() == 1)
        }
    }

    @Test("a rejected version that fails again has its newest reason")
    func failsAgain() async throws {
        try await ServingWorld.with { world in
            world.script("v1", Self.broken)
            let id = try await world.store("v1")
            #expect(try await world.validate(id) == .rejected(reason: "it is broken"))
            let other = EngineError(.unsupported, "no locale")
            world.script("v1", FakeScript(loadFailure: other))
            for _ in 1...2 {
                #expect(try await world.validate(id) == .rejected(reason: "no locale"))
            }
            let info = try state(world)
            #expect(info.state == .rejected && info.reason == "no locale")
            #expect(world.engine.loads == 3)
        }
    }

    @Test("a stored version is run again, and rejected if it fails and no alias points to it")
    func storedFails() async throws {
        try await ServingWorld.with { world in
            let id = try await world.store("v1")
            for _ in 1...2 { #expect(try await world.validate(id) == .passed) }
            #expect(world.engine.loads == 2)
            world.script("v1", Self.broken)
            #expect(try await world.validate(id) == .rejected(reason: "it is broken"))
            #expect(try state(world).state == .rejected)
        }
    }

    @Test("a version that an alias answers with is run beside itself, and kept if it fails")
    func liveFails() async throws {
        try await ServingWorld.with { world in
            try await world.publishAndWait("v1")
            let id = VersionID(model: "m", version: 1)
            #expect(try await world.validate(id) == .passed)
            #expect(world.engine.loads == 2)
            world.script("v1", Self.broken)
            #expect(
                try await world.validate(id) == .kept(reason: "it is broken", aliases: ["live"])
            )
            let info = try state(world)
            #expect(info.state == .stored && info.reason.isEmpty)
            #expect(try await world.answering() == 1)
            #expect(await world.reconciler.status(of: id)?.load == .ready)
        }
    }

    @Test("one validation of a version runs at a time, and those that ask meanwhile join it")
    func joined() async throws {
        try await ServingWorld.with { world in
            let gate = Gate()
            world.script("v1", FakeScript(loadGate: gate))
            let id = try await world.store("v1")
            await world.reconciler.validateInBackground(id, principal: "cert:ann")
            await gate.waitForArrivals(1)
            async let first = world.validate(id)
            async let second = world.validate(id)
            gate.open()
            #expect(try await first == .passed)
            #expect(try await second == .passed)
            #expect(world.engine.loads == 1)
        }
    }

    @Test("a failure that may pass gives no verdict: the caller waits for one")
    func passing() async throws {
        try await ServingWorld.with { world in
            let gate = Gate()
            let failure = EngineError(.unavailable, "no memory")
            world.script("v1", FakeScript(loadFailure: failure, loadGate: gate))
            let id = try await world.store("v1")
            async let verdict = world.validate(id)
            await gate.waitForArrivals(1)
            gate.release()
            await gate.waitForArrivals(2)
            world.script("v1", FakeScript())
            gate.open()
            #expect(try await verdict == .passed)
        }
    }

    @Test(
        "an ending server and a cancelled call end the wait"
    )
    func ends() async throws {
        try await ServingWorld.with { world in
            let gate = Gate()
            world.script("v1", FakeScript(loadGate: gate))
            let id = try await world.store("v1")
            let cancelled = Task { try await world.validate(id) }
            await gate.waitForArrivals(1)
            cancelled.cancel()
            #expect(try await cancelled.value == nil)
            async let verdict = world.validate(id)
            let move = try await world.setAlias(1)
            async let end = world.end(of: move)
            await world.reconciler.prepareForEnd()
            #expect(try await verdict == nil)
            #expect(await end == nil)
            #expect(try await world.validate(id) == nil)
            #expect(await world.end(of: move) == nil)
            let alias = try world.alias()
            #expect(alias.version == 0 && alias.targetVersion == 1)
            #expect(try state(world).state == .stored)
            gate.open()
        }
    }

    @Test("a deleted version is not validated")
    func deleted() async throws {
        try await ServingWorld.with { world in
            let id = try await world.store("v1")
            try world.registry.deleteVersion(model: "m", version: 1, principal: "cert:ann")
            await #expect(throws: ServingError.self) { try await world.validate(id) }
        }
    }

    @Test("as many versions are validated again at once as the limit says, and not one more")
    func bounded() async throws {
        try await ServingWorld.with { world in
            let gate = Gate()
            world.script("same", FakeScript(loadGate: gate))
            let limit = Reconciler.maxValidationsAgain
            @Sendable func again(_ version: UInt64) async throws {
                _ = try await world.reconciler.validateAgain(
                    VersionID(model: "m", version: version),
                    principal: "cert:ann",
                    waits: false
                )
            }
            for _ in 0...limit { _ = try await world.store("same") }
            for version in 1...UInt64(limit) { try await again(version) }
            // A version that is being validated is one already.
            try await again(1)
            await #expect {
                try await again(UInt64(limit) + 1)
            } throws: { error in
                (error as? ServingError)?.code == .resourceExhausted
            }
            gate.open()
            #expect(
                await eventually { (try? await again(UInt64(limit) + 1)) != nil }
            )
        }
    }
}
