import Engine
import EngineTesting
import Registry
import Synchronization
import Testing
import Text

@testable import Serving

@Suite("Warm-up without golden requests")
struct WarmUpTests {
    private static func signature(_ inputs: [TensorSpec]) -> ModelSignature {
        ModelSignature(inputs: inputs, outputs: [])
    }

    @Test("free dimensions are 1, elements 0 or empty, for every type")
    func request() throws {
        for type in ElementType.allCases {
            let signature = Self.signature([
                TensorSpec(name: "a", type: type, shape: [-1, 3, -1]),
                TensorSpec(name: "b", type: type, shape: []),
                TensorSpec(name: "c", type: type, shape: [-1, 0]),
            ])
            let inputs = try #require(WarmUp(of: signature)).inputs
            #expect(inputs.map(\.shape) == [[1, 3, 1], [], [1, 0]])
            let width = type.byteCount ?? 4
            #expect(inputs.map(\.bytes.byteCount) == [3 * width, width, 0])
            #expect(inputs.allSatisfy { $0.bytes.copied().allSatisfy { $0 == 0 } })
            try signature.check(inputs)
        }
    }

    @Test("there is none when its inputs would take too much memory together")
    func bound() {
        let half = Int64(WarmUp.maxInputBytes / 2)
        let first = TensorSpec(name: "a", type: .uint8, shape: [half])
        let second = TensorSpec(name: "b", type: .uint8, shape: [half])
        #expect(WarmUp(of: Self.signature([first, second])) != nil)
        let one = TensorSpec(name: "c", type: .bool, shape: [])
        #expect(WarmUp(of: Self.signature([first, second, one])) == nil)
        let strings = TensorSpec(
            name: "d",
            type: .bytes,
            shape: [Int64(WarmUp.maxInputBytes / WarmUp.bytesElementBytes + 1)]
        )
        #expect(WarmUp(of: Self.signature([strings])) == nil)
        let huge = TensorSpec(name: "e", type: .fp64, shape: [1 << 40, 1 << 40])
        #expect(WarmUp(of: Self.signature([huge])) == nil)
    }

    @Test("a version is run before it goes live")
    func runs() async throws {
        try await ServingWorld.with { world async throws in
            world.script("v1", FakeScript(), warmUps: 0)
            #expect(try await world.publishAndWait("v1") == .served)
            #expect(world.engine.runs > 0)
        }
    }

    @Test(
        "a version whose model does not like zeros goes live",
        arguments: [EngineError(.invalidInput, "no"), EngineError(.runtimeFailed, "no")]
    )
    func zerosRefused(_ error: EngineError) async throws {
        try await ServingWorld.with { world async throws in
            world.script("v1", FakeScript(answer: .fail(error)), warmUps: 0)
            #expect(try await world.publishAndWait("v1") == .served)
            #expect(world.engine.runs > 0)
        }
    }

    @Test("a warm-up for which memory is short is tried again, and rejects nothing")
    func shortOfMemory() async throws {
        try await ServingWorld.with { world async throws in
            let gate = Gate()
            let failure = EngineError(.unavailable, "no memory")
            let script = FakeScript(loadGate: gate, answer: .fail(failure))
            world.script("v1", script, warmUps: 0)
            let move = try await world.publish("v1")
            await gate.waitForArrivals(1)
            gate.release()
            await gate.waitForArrivals(2)
            #expect(world.engine.runs == 1)
            world.script("v1", FakeScript())
            gate.open()
            #expect(await world.outcome(of: move) == .served)
            #expect(try world.registry.version(model: "m", version: 1).state == .stored)
        }
    }
}
