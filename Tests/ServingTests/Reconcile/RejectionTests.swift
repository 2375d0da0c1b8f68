import Engine
import EngineTesting
import Registry
import Serving
import Testing

@Suite("Rejection")
struct RejectionTests {
    /// The golden request of an echo, with these values expected.
    private static func golden(expecting values: String) -> String {
        """
        {"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 4], "data": [1, 2, 3, 4]}],
         "outputs": [{"name": "y", "datatype": "FP32", "shape": [1, 4], "data": \(values)}],
         "atol": 0.5}
        """
    }

    private static func expectRejected(
        _ world: ServingWorld,
        version: UInt64,
        outcome: MoveOutcome?,
        reason: String
    ) throws {
        #expect(outcome == .rejected(reason: reason))
        let info = try world.registry.version(model: "m", version: version)
        #expect(info.state == .rejected && info.reason == reason)
        #expect(try world.alias().failure == reason)
    }

    @Test("a first version that the engine refuses leaves the alias without an answer")
    func firstRejected() async throws {
        try await ServingWorld.with { world in
            world.script("v1", FakeScript(loadFailure: EngineError(.invalidModel, "it is broken")))
            let outcome = try await world.publishAndWait("v1")
            try Self.expectRejected(world, version: 1, outcome: outcome, reason: "it is broken")
            guard case .failure(let error) = await world.predict() else {
                Issue.record("a rejected version answered")
                return
            }
            #expect(error.code == .failedPrecondition)
            #expect(error.message.contains("it is broken"))
            #expect(await world.refusal(.version(1)) == .failedPrecondition)
            let id = VersionID(model: "m", version: 1)
            #expect(await world.reconciler.status(of: id)?.load == .failed)
            #expect(try await world.publishAndWait("v2") == .served)
            #expect(try await world.answering() == 2)
        }
    }

    @Test("a later version that is rejected leaves what answers as it was")
    func laterRejected() async throws {
        try await ServingWorld.with { world in
            try await world.publishAndWait("v1")
            world.script(
                "v2",
                FakeScript(loadFailure: EngineError(.unsupported, "no such operator"))
            )
            let outcome = try await world.publishAndWait("v2")
            try Self.expectRejected(
                world,
                version: 2,
                outcome: outcome,
                reason: "no such operator"
            )
            #expect(try await world.answering() == 1)
            let alias = try world.alias()
            #expect(alias.version == 1 && alias.targetVersion == 1)
        }
    }

    @Test("an answer that differs from the golden one rejects, and names what and where")
    func golden() async throws {
        try await ServingWorld.with { world in
            let good = Self.golden(expecting: "[1, 2.25, 3, 4]")
            #expect(
                try await world.publishAndWait("v1", card: "golden: golden/*.json\n", golden: good)
                    == .served
            )
            let bad = Self.golden(expecting: "[1, 2, 5, 4]")
            let outcome = try await world.publishAndWait(
                "v2",
                card: "golden: golden/*.json\n",
                golden: bad
            )
            try Self.expectRejected(
                world,
                version: 2,
                outcome: outcome,
                reason: "golden request golden/one.json: output 'y', element 2: 3.0, expected 5.0"
            )
            #expect(try await world.answering() == 1)
            #expect(await eventually { world.engine.loadedModels == 1 })
        }
    }

    @Test("a golden request that the model refuses rejects")
    func goldenRefused() async throws {
        try await ServingWorld.with { world in
            world.script("v1", FakeScript(signature: .rows(columns: 3)))
            let outcome = try await world.publishAndWait(
                "v1",
                card: "golden: golden/*.json\n",
                golden: Self.golden(expecting: "[1, 2, 3, 4]")
            )
            guard case .rejected(let reason)? = outcome else {
                Issue.record("it was not rejected")
                return
            }
            #expect(reason.hasPrefix("golden request golden/one.json: input "))
            #expect(reason.contains("has shape [1, 4]"))
        }
    }

    @Test("a golden run that fails for a passing reason rejects nothing")
    func goldenPassing() async throws {
        try await ServingWorld.with { world in
            let gate = Gate()
            let failure = EngineError(.unavailable, "no thread to run on")
            let script = FakeScript(loadGate: gate, answer: .fail(failure))
            world.script("v1", script, warmUps: 0)
            let move = try await world.publish(
                "v1",
                card: "golden: golden/*.json\n",
                golden: Self.golden(expecting: "[1, 2, 3, 4]")
            )
            await gate.waitForArrivals(1)
            gate.release()
            await gate.waitForArrivals(2)
            world.script("v1", FakeScript())
            gate.open()
            #expect(await world.outcome(of: move) == .served)
        }
    }

    @Test(
        "a card that says other tensors than the model has rejects",
        arguments: [
            (
                "inputs: [{name: x, datatype: FP32, shape: [-1, 5]}]",
                "input 'x' is FP32 [-1, 4] in the model and FP32 [-1, 5] in the card"
            ),
            (
                "inputs: [{name: x, datatype: INT64, shape: [-1, 4]}]",
                "input 'x' is FP32 [-1, 4] in the model and INT64 [-1, 4] in the card"
            ),
            (
                "outputs: [{name: z, datatype: FP32, shape: [-1, 4]}]",
                "the model has no output 'z', which the card names"
            ),
            ("inputs: []", "the card lacks input 'x' of the model: FP32 [-1, 4]"),
            (
                """
                inputs: [{name: x, datatype: FP32, shape: [-1, 4]}, \
                {name: w, datatype: FP32, shape: [1]}]
                """,
                "the model has no input 'w', which the card names"
            ),
        ]
    )
    func card(_ line: String, _ reason: String) async throws {
        try await ServingWorld.with { world in
            let outcome = try await world.publishAndWait("v1", card: line + "\n")
            try Self.expectRejected(world, version: 1, outcome: outcome, reason: reason)
        }
    }

    @Test("a validation rejects a version, and all moves that wait for it end with its reason")
    func validation() async throws {
        try await ServingWorld.with { world in
            try await world.publishAndWait("v1")
            let gate = Gate()
            let failure = EngineError(.invalidModel, "it is broken")
            world.script("v2", FakeScript(loadFailure: failure, loadGate: gate))
            let id = try await world.store("v2")
            async let validation = world.validate(id)
            await gate.waitForArrivals(1)
            let live = try await world.setAlias(2)
            let canary = try await world.setAlias(2, alias: "canary")
            gate.open()
            #expect(try await validation == .rejected(reason: "it is broken"))
            #expect(await world.outcome(of: live) == .rejected(reason: "it is broken"))
            #expect(await world.outcome(of: canary) == .rejected(reason: "it is broken"))
            #expect(await world.refusal(.alias("canary")) == .failedPrecondition)
            #expect(try await world.answering() == 1)
            #expect(world.engine.loads == 2)
        }
    }

    @Test("a validation that passes leaves nothing loaded and no alias moved")
    func validationPasses() async throws {
        try await ServingWorld.with { world in
            let id = try await world.store("v1")
            #expect(try await world.validate(id) == .passed)
            #expect(await eventually { world.engine.loadedModels == 0 })
            #expect(try world.registry.version(model: "m", version: 1).state == .stored)
            #expect(await world.refusal() == .notFound)
        }
    }

    @Test("a validation in the background goes on past failures that may pass")
    func backgroundValidation() async throws {
        try await ServingWorld.with { world in
            let gate = Gate()
            let passing = EngineError(.unavailable, "no memory")
            world.script("v1", FakeScript(loadFailure: passing, loadGate: gate))
            let id = try await world.store("v1")
            await world.reconciler.validateInBackground(id, principal: "cert:ann")
            await gate.waitForArrivals(1)
            gate.release()
            await gate.waitForArrivals(2)
            let failure = EngineError(.invalidModel, "it is broken")
            world.script("v1", FakeScript(loadFailure: failure))
            gate.open()
            #expect(
                await eventually {
                    let info = try? world.registry.version(model: "m", version: 1)
                    return info?.state == .rejected
                }
            )
        }
    }
}
