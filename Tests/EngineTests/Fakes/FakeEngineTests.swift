import Engine
import EngineTesting
import Foundation
import Testing
import Text

@Suite("The fake engine")
struct FakeEngineTests {
    private static let request = [
        InputTensor(
            name: "x",
            type: .fp32,
            shape: [2, 4],
            bytes: bytes((0..<8).map { Float($0) })
        )
    ]

    private static func load(
        _ engine: FakeEngine,
        entry: [UInt8] = [1, 2, 3]
    ) throws -> any InferenceModel {
        try engine.load(ModelInMemory(entry: entry), options: LoadOptions())
    }

    /// Runs blocking work on a thread of its own.
    private static func onThread<Value: Sendable>(
        _ work: @escaping @Sendable () throws -> Value
    ) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread { continuation.resume(with: Result { try work() }) }
        }
    }

    @Test("it echoes, and counts")
    func echoes() throws {
        let engine = FakeEngine()
        var model: (any InferenceModel)? = try Self.load(engine)
        let outputs = try #require(try model?.run(Self.request, outputs: [], stop: nil))
        #expect(outputs.map(\.name) == ["y"])
        #expect(outputs[0].copied() == Self.request[0].bytes.copied())
        #expect(model?.resources.modelBytes == 3)
        #expect((engine.loads, engine.runs, engine.loadedModels) == (1, 1, 1))
        model = nil
        #expect(engine.loadedModels == 0)
    }

    @Test("it checks requests as an engine does")
    func checks() throws {
        let engine = FakeEngine()
        let model = try Self.load(engine)
        let error = try engineError { _ = try model.run(Self.request, outputs: ["w"], stop: nil) }
        #expect(error.code == .invalidInput)
        #expect(engine.runs == 0)
    }

    @Test("the entry's bytes choose what a model does")
    func scriptsByEntry() throws {
        let engine = FakeEngine { entry in
            entry == [9]
                ? FakeScript(loadFailure: EngineError(.invalidModel, "no"))
                : FakeScript(answer: .fail(EngineError(.runtimeFailed, "bad")))
        }
        let refused = try engineError { _ = try Self.load(engine, entry: [9]) }
        #expect(refused.code == .invalidModel)
        let model = try Self.load(engine)
        let failed = try engineError { _ = try model.run(Self.request, outputs: [], stop: nil) }
        #expect(failed.code == .runtimeFailed)
    }

    @Test("a test computes answers from the request")
    func computes() throws {
        let script = FakeScript(
            answer: .compute { inputs in
                [
                    OutputTensor(
                        name: "y",
                        type: .uint8,
                        shape: [1],
                        bytes: [UInt8(inputs[0].bytes.byteCount)]
                    )
                ]
            }
        )
        let outputs = try Self.load(FakeEngine(script)).run(Self.request, outputs: [], stop: nil)
        #expect(outputs[0].copied() == [32])
    }

    @Test("a load waits at its gate until the test opens it")
    func loadGate() async throws {
        let gate = Gate()
        let engine = FakeEngine(FakeScript(loadGate: gate))
        async let model = Self.onThread { try Self.load(engine) }
        await gate.waitForArrivals(1)
        #expect(engine.loadedModels == 0)
        gate.open()
        #expect(try await model.signature == .rows())
    }

    @Test("runs pass a gate one by one")
    func runGate() async throws {
        let gate = Gate()
        let model = try Self.load(FakeEngine(FakeScript(runGate: gate)))
        async let first = Self.onThread { try model.run(Self.request, outputs: [], stop: nil) }
        async let second = Self.onThread { try model.run(Self.request, outputs: [], stop: nil) }
        await gate.waitForArrivals(2)
        gate.release()
        gate.release()
        #expect(try await first.count + second.count == 2)
        gate.release()
        #expect(try model.run(Self.request, outputs: [], stop: nil).count == 1)
        #expect(gate.arrived == 3)
    }

    @Test("a stop takes a run out of its gate")
    func stops() async throws {
        let gate = Gate()
        let model = try Self.load(FakeEngine(FakeScript(runGate: gate)))
        let stop = RunStop()
        let outcome = Task {
            try await Self.onThread { try model.run(Self.request, outputs: [], stop: stop) }
        }
        await gate.waitForArrivals(1)
        stop.stop()
        let error = await #expect(throws: EngineError.self) { _ = try await outcome.value }
        #expect(error?.code == .terminated)
    }
}
