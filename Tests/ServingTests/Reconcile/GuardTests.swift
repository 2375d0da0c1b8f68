import Engine
import EngineTesting
import Registry
import Testing
import Text

@testable import Serving

@Suite("The check before a swap")
struct GuardTests {
    private static let narrow = FakeScript(signature: .rows(columns: 3))
    private static let change = "input 'x' changes from FP32 [-1, 4] to FP32 [-1, 3]"
    private static let changes = [change, change.replacing("input 'x'", with: "output 'y'")]
    private static let reason =
        "the move needs allow_signature_change, since it breaks callers of version 1: "
        + changes.joined(separator: "; ")
    private static let allowed = MoveOverrides(allowsSignatureChange: true)

    @Test("a move to a signature that breaks callers is refused, and what answers stays")
    func refused() async throws {
        try await ServingWorld.with { world in
            try await world.publishAndWait("v1")
            world.script("v2", Self.narrow)
            let move = try await world.publish("v2")
            let end = await world.end(of: move)
            #expect(
                end
                    == MoveEnd(
                        outcome: .rejected(reason: Self.reason),
                        signatureChanges: Self.changes
                    )
            )
            let alias = try world.alias()
            #expect(alias.version == 1 && alias.targetVersion == 1 && alias.failure == Self.reason)
            #expect(try world.registry.version(model: "m", version: 2).state == .stored)
            let moves = try world.registry.aliasHistory(
                model: "m",
                alias: "live",
                before: nil,
                limit: 1
            )
            #expect(moves[0].outcome == .rejected)
            #expect(try await world.answering() == 1)
            #expect(await eventually { world.engine.loadedModels == 1 })
        }
    }

    @Test("force does not pass over the signature")
    func forced() async throws {
        try await ServingWorld.with { world in
            try await world.publishAndWait("v1")
            world.script("v2", Self.narrow)
            _ = try await world.store("v2")
            let move = try await world.setAlias(2, overrides: MoveOverrides(isForced: true))
            #expect(await world.outcome(of: move) == .rejected(reason: Self.reason))
        }
    }

    @Test("a move that may change the signature names what it changes, and so does the way back")
    func allowed() async throws {
        try await ServingWorld.with { world in
            try await world.publishAndWait("v1")
            world.script("v2", Self.narrow)
            _ = try await world.store("v2")
            let move = try await world.setAlias(2, overrides: Self.allowed)
            #expect(
                await world.end(of: move)
                    == MoveEnd(outcome: .served, signatureChanges: Self.changes)
            )
            #expect(try world.alias().version == 2)
            let back = await world.end(of: try await world.rollback())
            #expect(back?.outcome == .served)
            #expect(
                back?.signatureChanges.first
                    == "input 'x' changes from FP32 [-1, 3] to FP32 [-1, 4]"
            )
            #expect(try await world.answering() == 1)
        }
    }

    @Test("a first version, another alias and what takes more than before are not refused")
    func harmless() async throws {
        try await ServingWorld.with { world in
            world.script("v1", Self.narrow)
            #expect(try await world.publishAndWait("v1") == .served)
            world.script("v2", FakeScript(signature: .rows(columns: 4)))
            _ = try await world.store("v2")
            let canary = await world.end(of: try await world.setAlias(2, alias: "canary"))
            #expect(canary == MoveEnd(outcome: .served, signatureChanges: []))
            let wider = ModelSignature(
                inputs: [TensorSpec(name: "x", type: .fp32, shape: [-1, -1])],
                outputs: ModelSignature.rows(columns: 3).outputs
            )
            world.script("v3", FakeScript(signature: wider))
            #expect(try await world.publishAndWait("v3") == .served)
        }
    }

    @Test("the terms of a pending move survive a restart", arguments: [true, false])
    func restart(isAllowed: Bool) async throws {
        try await ServingWorld.with { world in
            try await world.publishAndWait("v1")
            let gate = Gate()
            var script = Self.narrow
            script.loadGate = gate
            world.script("v2", script)
            _ = try await world.store("v2")
            let move = try await world.setAlias(
                2,
                overrides: isAllowed ? Self.allowed : MoveOverrides()
            )
            await gate.waitForArrivals(1)
            await world.host.stop()
            gate.open()
            world.script("v2", Self.narrow)
            try await world.restarted { world async throws in
                let end = await world.end(of: move)
                #expect(end?.outcome == (isAllowed ? .served : .rejected(reason: Self.reason)))
                #expect(end?.signatureChanges == Self.changes)
            }
        }
    }

    @Test("a target that is loaded waits for what answers to be loaded, and is compared with it")
    func answeringStillLoads() async throws {
        try await ServingWorld.with { world in
            try await world.publishAndWait("v1")
            world.script("v2", Self.narrow)
            let second = try await world.store("v2")
            let move = try world.registry.setAlias(
                model: "m",
                alias: "live",
                version: 2,
                principal: "cert:ann"
            )
            let gate = Gate()
            world.script("v1", FakeScript(loadGate: gate))
            async let restarted: Void = world.restarted { world async throws in
                let end = await world.reconciler.waitForMove(
                    AliasID(model: "m", alias: "live"),
                    generation: move.alias.generation
                )
                #expect(end?.outcome == .rejected(reason: Self.reason))
                #expect(try await world.answering() == 1)
                _ = try await world.reconciler.pin(second, for: "cert:ann")
            }
            await gate.waitForArrivals(1)
            #expect(try world.alias().targetVersion == 2)
            gate.open()
            try await restarted
        }
    }

    @Test("a move is made without a comparison where the version that answers cannot be loaded")
    func answeringIsBroken() async throws {
        try await ServingWorld.with { world in
            try await world.publishAndWait("v1")
            world.script("v1", FakeScript(loadFailure: EngineError(.unsupported, "no")))
            world.script("v2", Self.narrow)
            try await world.restarted { world async throws in
                #expect(await world.refusal() == .failedPrecondition)
                #expect(try await world.publishAndWait("v2") == .served)
                #expect(try world.alias().version == 2)
            }
        }
    }

    @Test("a move that needs both names both, and both together make it")
    func both() async throws {
        try await ServingWorld.with { world in
            try await world.publishAndWait("v1")
            var script = Self.narrow
            script.answer = .fail(EngineError(.runtimeFailed, "no"))
            world.script("v2", script, warmUps: 0)
            guard case .rejected(let reason)? = try await world.publishAndWait("v2") else {
                Issue.record("the move was made")
                return
            }
            #expect(reason.contains("the move needs force"))
            #expect(reason.contains("the move needs allow_signature_change"))
            let move = try await world.setAlias(
                2,
                overrides: MoveOverrides(allowsSignatureChange: true, isForced: true)
            )
            #expect(await world.outcome(of: move) == .served)
        }
    }
}
