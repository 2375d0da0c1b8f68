import Engine
import EngineTesting
import Testing
import Text

@testable import Registry
@testable import Serving

@Suite("Whether rows see each other")
struct RowCheckTests {
    private func plan(
        _ script: FakeScript,
        mode: Card.Batching.Mode = .auto,
        maxRows: Int = 64,
        tolerance: Double = 0,
        golden: [[InputTensor]] = []
    ) throws -> BatchPlan {
        let model = try FakeEngine(script).load(
            ModelInMemory(entry: [UInt8]()),
            options: LoadOptions()
        )
        var batching = Card.Batching()
        batching.mode = mode
        batching.maxRows = maxRows
        batching.tolerance = tolerance
        return try RowCheck(model: model, batching: batching).plan(golden: golden)
    }

    private func request(_ values: [Float]) -> [InputTensor] {
        [
            InputTensor(
                name: "x",
                type: .fp32,
                shape: [Int64(values.count / 4), 4],
                bytes: bytes(of: values)
            )
        ]
    }

    /// Adds what `share` makes of all numbers together.
    private static func sharing(
        _ share: @escaping @Sendable ([Float]) -> Float
    ) -> FakeScript.Answer {
        computing { x, _ in
            let shared = share(x)
            return x.map { $0 + shared }
        }
    }

    @Test("rows that do not see each other are merged, golden requests or not")
    func independent() throws {
        let script = FakeScript(answer: computing { x, _ in x.map { $0 * $0 } })
        let made = try plan(script)
        #expect(made.isMerged && made.maxRows == 64)
        let golden = try plan(script, golden: [request([1, 2, 3, 4]), request([5, 6, 7, 8])])
        #expect(golden.isMerged)
        #expect(golden.why == "2 requests gave in company what they gave alone")
    }

    @Test(
        "rows that see each other are not",
        arguments: [
            ("the largest value", sharing { $0.map(abs).max() ?? 0 }),
            ("the mean", sharing { $0.reduce(0, +) / Float($0.count) }),
            (
                "what came before",
                computing { x, _ in
                    var sum: Float = 0
                    return x.map { value in
                        sum += value
                        return sum
                    }
                }
            ),
            ("how many there are", computing { x, shape in x.map { $0 + Float(shape[0]) } }),
        ]
    )
    func dependent(what: String, answer: FakeScript.Answer) throws {
        let script = FakeScript(answer: answer)
        for golden in [
            [], [request([1, 2, 3, 4]), request([5, 6, 7, 8])], [request([1, 2, 3, 4])],
        ] {
            let plan = try plan(script, golden: golden)
            #expect(!plan.isMerged)
            #expect(plan.why.contains("output 'y'"))
            #expect(throws: RowCheck.Refusal.self) {
                try self.plan(script, mode: .on, golden: golden)
            }
        }
    }

    @Test("a card's tolerance takes small differences, and no larger ones")
    func tolerance() throws {
        let script = FakeScript(answer: Self.sharing { Float($0.count) * 0.0001 })
        #expect(try plan(script, mode: .on, tolerance: 0.1).isMerged)
        #expect(throws: RowCheck.Refusal.self) {
            try plan(script, mode: .on, tolerance: 0.001)
        }
        #expect(throws: RowCheck.Refusal.self) { try plan(script, mode: .on) }
    }

    @Test("what the card or the signature rules out is not tried")
    func ruledOut() throws {
        #expect(try !plan(FakeScript(), mode: .off).isMerged)
        #expect(try !plan(FakeScript(), mode: .on, maxRows: 1).isMerged)
        let fixed = ModelSignature(
            inputs: [TensorSpec(name: "x", type: .fp32, shape: [-1, 4])],
            outputs: [TensorSpec(name: "y", type: .fp32, shape: [4])]
        )
        let refused = try plan(FakeScript(signature: fixed))
        #expect(refused.why == "the first dimension of output 'y' is not free")
        #expect(throws: RowCheck.Refusal.self) { try plan(FakeScript(signature: fixed), mode: .on) }
    }

    @Test("a model that takes none of the requests runs them one by one")
    func nothingToCompare() throws {
        let refusing = FakeScript(answer: .fail(EngineError(.invalidInput, "no")))
        #expect(try plan(refusing).why.contains("no two requests"))
        #expect(throws: EngineError.self) {
            try plan(FakeScript(answer: .fail(EngineError(.unavailable, "no memory"))))
        }
    }
}
