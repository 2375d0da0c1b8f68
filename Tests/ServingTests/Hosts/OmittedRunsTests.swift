import Engine
import EngineTesting
import Glibc
import Hosting
import Testing
import Text

@testable import Registry
@testable import Serving

@Suite("Runs on synthetic inputs that end the process of a load")
struct OmittedRunsTests {
    private static let attempts = WarmUp.attempts.indices

    @Test("a crash in a synthetic run starts the load again without that run, once for each run")
    func once() throws {
        var omitted = OmittedRuns()
        for attempt in Self.attempts {
            let step = LoadStep.warmUp(attempt: attempt)
            omitted = try #require(omitted.after(.killed(SIGFPE), in: step))
            #expect(omitted.warmUps.count == attempt + 1)
            #expect(omitted.warmUps[attempt] == "it ended the model's process (SIGFPE)")
            #expect(omitted.after(.killed(SIGFPE), in: step) == nil)
        }
        #expect(!omitted.omitsComparisons)
        omitted = try #require(omitted.after(.killed(SIGSEGV), in: .rows))
        #expect(omitted.omitsComparisons && omitted.warmUps.count == Self.attempts.count)
        #expect(omitted.after(.killed(SIGSEGV), in: .rows) == nil)
    }

    @Test("a crash on other inputs, and any other end, is the end of the load")
    func final() {
        for step in [nil, .load, .golden("golden/0.json")] as [LoadStep?] {
            #expect(OmittedRuns().after(.killed(SIGFPE), in: step) == nil)
        }
        let ends: [HostEnd] = [
            .exited(1), .killed(SIGKILL), .killed(SIGTERM), .killed(SIGXCPU), .forbidden("openat"),
            .outOfMemory, .overTime, .lied("it lied"), .released,
        ]
        for end in ends {
            for step in [.warmUp(attempt: 0), .rows] as [LoadStep] {
                #expect(OmittedRuns().after(end, in: step) == nil, "\(end)")
            }
        }
    }

    @Test("they arrive in a host as they were sent")
    func sent() {
        for omitted in [
            OmittedRuns(), OmittedRuns(warmUps: [2: "x"]), OmittedRuns(omitsComparisons: true),
        ] {
            #expect(OmittedRuns(omitted.json) == omitted)
        }
    }

    // MARK: - The load

    /// A model whose run fails on each request that `fails` takes, and else echoes.
    private func model(
        _ fails: @escaping @Sendable ([Int64]) -> Bool = { _ in false }
    ) throws -> (FakeEngine, any InferenceModel) {
        let signature = ModelSignature(
            inputs: [TensorSpec(name: "x", type: .fp32, shape: [-1, -1])],
            outputs: [TensorSpec(name: "y", type: .fp32, shape: [-1, -1])]
        )
        let answer = FakeScript.Answer.compute { inputs throws(EngineError) in
            if fails(inputs[0].shape) { throw EngineError(.runtimeFailed, "no") }
            return [
                OutputTensor(
                    name: "y",
                    type: .fp32,
                    shape: inputs[0].shape,
                    bytes: inputs[0].bytes.copied()
                )
            ]
        }
        let engine = FakeEngine(FakeScript(signature: signature, answer: answer))
        let model = try engine.load(ModelInMemory(entry: [UInt8]()), options: LoadOptions())
        return (engine, model)
    }

    @Test("a warm-up makes the attempts that are left, and says which one begins")
    func warmUp() throws {
        for count in Self.attempts.lowerBound...Self.attempts.upperBound {
            let (engine, model) = try model()
            var omitted = OmittedRuns()
            for attempt in 0..<count { omitted.warmUps[attempt] = "crash \(attempt)" }
            var reached: [Int] = []
            let failure = try WarmUp(of: model.signature).run(on: model, omitted: omitted) {
                reached.append($0)
            }
            let isLeft = count < Self.attempts.count
            #expect(reached == (isLeft ? [count] : []) && engine.runs == reached.count)
            #expect(failure == (isLeft ? nil : "crash 0"))
        }
    }

    @Test("a warm-up whose other attempts fail has failed for the first reason")
    func warmUpFails() throws {
        let (_, model) = try model { _ in true }
        var reached: [Int] = []
        let failure = try WarmUp(of: model.signature).run(
            on: model,
            omitted: OmittedRuns(warmUps: [1: "crash 1"])
        ) { reached.append($0) }
        #expect(failure == "no" && reached == [0, 2, 3])
    }

    @Test(
        "a version whose comparisons are left out is not merged, and a card that insists is wrong"
    )
    func unmerged() throws {
        let (_, model) = try model()
        func verdict(_ mode: Card.Batching.Mode, ended: Bool) -> BatchRule.Verdict {
            var batching = Card.Batching()
            batching.mode = mode
            return BatchRule(
                of: model,
                batching: batching,
                isDeterministic: !ended,
                endedProcess: ended
            ).verdict
        }
        let why = "the comparison of its runs ended its process"
        #expect(verdict(.auto, ended: true) == .alone(why: why))
        #expect(verdict(.off, ended: true) == .alone(why: "the card says batching: off"))
        let reason = "the card says batching: on, but \(why)"
        #expect(verdict(.on, ended: true) == .rejected(reason: reason))
        guard case .comparing = verdict(.auto, ended: false) else {
            Issue.record("it is not compared")
            return
        }
    }
}
