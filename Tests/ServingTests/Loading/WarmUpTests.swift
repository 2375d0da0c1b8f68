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
            let inputs = try #require(WarmUp(of: signature).request(WarmUp.attempts[0]))
            #expect(inputs.map(\.shape) == [[1, 3, 1], [], [1, 0]])
            let width = type.byteCount ?? 4
            #expect(inputs.map(\.bytes.byteCount) == [3 * width, width, 0])
            #expect(inputs.allSatisfy { $0.bytes.copied().allSatisfy { $0 == 0 } })
            try signature.check(inputs)
        }
    }

    @Test("ones are the number 1 and the text \"1\", and free dimensions after the first are wide")
    func ones() throws {
        let signature = Self.signature(
            ElementType.allCases.map {
                TensorSpec(name: ExactString($0.name), type: $0, shape: [-1, -1])
            }
        )
        for (attempt, width) in zip(WarmUp.attempts.dropFirst(), [1, 16, 224]) {
            let inputs = try #require(WarmUp(of: signature).request(attempt))
            #expect(inputs.allSatisfy { $0.shape == [1, Int64(width)] })
            try signature.check(inputs)
            for input in inputs {
                let first = input.bytes.copied().prefix(input.bytes.byteCount / width)
                let bits = first.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
                switch input.type {
                case .fp16: #expect(Float16(bitPattern: UInt16(bits)) == 1)
                case .bf16: #expect(Float(bitPattern: UInt32(bits) << 16) == 1)
                case .fp32: #expect(Float(bitPattern: UInt32(bits)) == 1)
                case .fp64: #expect(Double(bitPattern: bits) == 1)
                case .bytes: #expect(Array(first) == [1, 0, 0, 0, UInt8(ascii: "1")])
                default: #expect(bits == 1)
                }
            }
        }
    }

    @Test("optional inputs are left out, and an input of any shape gets one element")
    func optional() throws {
        let signature = Self.signature([
            TensorSpec(name: "a", type: .fp32, shape: [-1, 2], isOptional: true),
            TensorSpec(name: "b", type: .fp32, shape: [], hasUnknownRank: true),
        ])
        let inputs = try #require(WarmUp(of: signature).request(WarmUp.attempts[0]))
        #expect(inputs.map(\.name) == ["b"] && inputs[0].shape == [1])
        // Nothing is wide: wider runs would be the same.
        #expect(WarmUp(of: signature).request(WarmUp.attempts[2]) == nil)
    }

    @Test("there is none when its inputs would take too much memory together")
    func bound() {
        func request(_ inputs: [TensorSpec]) -> [InputTensor]? {
            WarmUp(of: Self.signature(inputs)).request(WarmUp.attempts[0])
        }
        let half = Int64(WarmUp.maxInputBytes / 2)
        let first = TensorSpec(name: "a", type: .uint8, shape: [half])
        let second = TensorSpec(name: "b", type: .uint8, shape: [half])
        #expect(request([first, second]) != nil)
        let one = TensorSpec(name: "c", type: .bool, shape: [])
        #expect(request([first, second, one]) == nil)
        let strings = TensorSpec(
            name: "d",
            type: .bytes,
            shape: [Int64(WarmUp.maxInputBytes / WarmUp.bytesElementBytes + 1)]
        )
        #expect(request([strings]) == nil)
        let huge = TensorSpec(name: "e", type: .fp64, shape: [1 << 40, 1 << 40])
        #expect(request([huge]) == nil)
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
        "a version whose model fails on zeros and runs on ones goes live",
        arguments: [EngineError(.invalidInput, "no"), EngineError(.runtimeFailed, "no")]
    )
    func zerosRefused(_ error: EngineError) async throws {
        try await ServingWorld.with { world async throws in
            let script = FakeScript(
                answer: .compute { inputs throws(EngineError) in
                    if inputs[0].bytes.copied().allSatisfy({ $0 == 0 }) { throw error }
                    return []
                }
            )
            world.script("v1", script, warmUps: 0)
            #expect(try await world.publishAndWait("v1") == .served)
            #expect(world.engine.runs >= 2)
        }
    }

    @Test(
        "a version of which every run fails goes live when that is forced, and not otherwise",
        arguments: [EngineError(.invalidInput, "no"), EngineError(.runtimeFailed, "no")]
    )
    func everyRunFails(_ error: EngineError) async throws {
        try await ServingWorld.with { world async throws in
            try await world.publishAndWait("v1")
            world.script("v2", FakeScript(answer: .fail(error)), warmUps: 0)
            let reason =
                "the move needs force, since every run on synthetic inputs failed: no"
            #expect(try await world.publishAndWait("v2") == .rejected(reason: reason))
            #expect(try world.alias().failure == reason)
            #expect(try world.registry.version(model: "m", version: 2).state == .stored)
            #expect(try await world.answering() == 1)
            let other = MoveOverrides(allowsSignatureChange: true)
            let again = try await world.setAlias(2, overrides: other)
            #expect(await world.outcome(of: again) == .rejected(reason: reason))
            let forced = try await world.setAlias(2, overrides: MoveOverrides(isForced: true))
            #expect(await world.outcome(of: forced) == .served)
            // It has answered: going back to it is no new risk.
            let first = try await world.setAlias(1)
            #expect(await world.outcome(of: first) == .served)
            #expect(await world.outcome(of: try await world.rollback()) == .served)
            #expect(try world.alias().version == 2)
        }
    }

    @Test("a version whose inputs are too large for a run goes live without one")
    func tooLarge() async throws {
        try await ServingWorld.with { world async throws in
            let columns = Int64(WarmUp.maxInputBytes)
            world.script("v1", FakeScript(signature: .rows(columns: columns)), warmUps: 0)
            #expect(try await world.publishAndWait("v1") == .served)
            #expect(world.engine.runs == 0)
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
