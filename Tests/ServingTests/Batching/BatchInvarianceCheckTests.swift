import Engine
import EngineTesting
import Synchronization
import Testing
import Text

@testable import Registry
@testable import Serving

@Suite("The comparison of merged runs with single ones")
struct BatchInvarianceCheckTests {
    private func plan(
        _ script: FakeScript,
        mode: Card.Batching.Mode = .auto,
        maxRows: Int = 64,
        tolerance: Double = 0,
        golden: [[InputTensor]] = [],
        memory: SystemMemory = .system,
        budgetNs: UInt64 = BatchInvarianceCheck.budgetNs
    ) throws -> BatchPlan {
        let model = try FakeEngine(script).load(
            ModelInMemory(entry: [UInt8]()),
            options: LoadOptions()
        )
        var batching = Card.Batching()
        batching.mode = mode
        batching.maxRows = maxRows
        batching.tolerance = tolerance
        let rule = BatchRule(of: model, batching: batching, isDeterministic: true)
        let check = BatchInvarianceCheck(
            model: model,
            rule: rule,
            memory: BatchMemory(memory),
            budgetNs: budgetNs
        )
        return try check.plan(golden: golden)
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

    private static let byRowCount = RowAnalysis(
        independence: .proved,
        precision: .dependsOnRowCount(reason: "node 'g' (Gemm)")
    )
    private static let atRisk = RowAnalysis(
        independence: .rowCountOnly(reason: "node 'm' (ReduceMean)"),
        precision: .exact
    )

    /// Adds what `share` makes of all numbers together.
    private static func sharing(
        _ share: @escaping @Sendable ([Float]) -> Float
    ) -> FakeScript.Answer {
        computing { x, _ in
            let shared = share(x)
            return x.map { $0 + shared }
        }
    }

    /// Changes the last bit of every answer of a run of more rows than this.
    private static func changing(above rows: Int64) -> FakeScript.Answer {
        computing { x, shape in
            shape[0] > rows ? x.map { Float(bitPattern: $0.bitPattern ^ 1) } : x
        }
    }

    @Test("rows that do not depend on each other are merged, golden requests or not")
    func independent() throws {
        let script = FakeScript(answer: computing { x, _ in x.map { $0 * $0 } })
        for golden in [[], [request([1, 2, 3, 4]), request([5, 6, 7, 8, 9, 10, 11, 12])]] {
            let plan = try plan(script, golden: golden)
            #expect(plan.isMerged && plan.maxRows == 64 && !plan.isAtPublishersRisk)
            #expect(plan.why.hasPrefix("the graph proves rows independent; "))
            #expect(plan.why.hasSuffix("the same bytes alone and in runs of up to 64 rows"))
        }
    }

    @Test(
        "rows that depend on each other are not merged, whatever the graph is said to prove",
        arguments: [
            ("the largest value", sharing { $0.map(abs).max() ?? 0 }),
            ("the mean", sharing { $0.reduce(0, +) / Float($0.count) }),
            (
                "earlier rows",
                computing { x, _ in
                    var sum: Float = 0
                    return x.map { value in
                        sum += value
                        return sum
                    }
                }
            ),
            ("the number of rows", computing { x, shape in x.map { $0 + Float(shape[0]) } }),
            ("a subnormal number", sharing { $0.contains { $0.isSubnormal } ? 1 : 0 }),
            ("an infinity", sharing { $0.contains { $0.isInfinite } ? 1 : 0 }),
            (
                "the sign of a zero",
                sharing { $0.contains { $0 == 0 && $0.sign == .minus } ? 1 : 0 }
            ),
            ("very large numbers", sharing { $0.contains { abs($0) > 1e30 } ? 1 : 0 }),
            (
                "a tail of fewer than eight rows",
                computing { x, shape in
                    let tail = Int(shape[0] % 8) * 4
                    let isLong = shape[0] > 8
                    return x.enumerated().map { index, value in
                        isLong && index >= x.count - tail
                            ? Float(bitPattern: value.bitPattern ^ 1) : value
                    }
                }
            ),
        ]
    )
    func dependent(what: String, answer: FakeScript.Answer) throws {
        let golden = [request([1, 2, 3, 4]), request([5, 6, 7, 8])]
        for requests in [[], golden, [golden[0]]] {
            let plan = try plan(FakeScript(answer: answer), golden: requests)
            #expect(!plan.isMerged)
            #expect(plan.why.contains("output 'y' of a row differs when it runs in company"))
            for analysis in [FakeScript().rowAnalysis, Self.atRisk] {
                #expect(throws: BatchInvarianceCheck.Refusal.self) {
                    try self.plan(
                        FakeScript(answer: answer, rowAnalysis: analysis),
                        mode: .on,
                        golden: requests
                    )
                }
            }
        }
    }

    @Test("integers and strings are compared as well, extremes among them")
    func otherTypes() throws {
        for type in ElementType.allCases {
            let script = FakeScript(signature: .rows(columns: 3, type: type))
            #expect(try plan(script).isMerged)
            let sharing = FakeScript(
                signature: .rows(columns: 3, type: type),
                answer: .compute { inputs in
                    let bytes = inputs[0].bytes.copied()
                    // Empty where a run holds the longest text, or the type's highest bits.
                    let isSpecial =
                        type == .bytes
                        ? bytes.count > 2_048
                        : bytes.contains { $0 >= (type == .bool ? 1 : 0x7F) }
                    let shape = isSpecial ? [inputs[0].shape[0], 0] : inputs[0].shape
                    return [
                        OutputTensor(
                            name: "y",
                            type: type,
                            shape: shape,
                            bytes: isSpecial ? [] : bytes
                        )
                    ]
                }
            )
            #expect(try !plan(sharing).isMerged, "\(type)")
        }
    }

    @Test("the shape of an answer must not depend on company", arguments: [true, false])
    func shapes(isOutputWide: Bool) throws {
        // As wide as the longest text of the run.
        let script = FakeScript(
            signature: ModelSignature(
                inputs: [TensorSpec(name: "x", type: .bytes, shape: [-1])],
                outputs: [TensorSpec(name: "y", type: .uint8, shape: [-1, -1])]
            ),
            answer: .compute { inputs in
                let rows = inputs[0].shape[0]
                let bytes = inputs[0].bytes.copied()
                var longest = 0
                BytesElements.forEach(in: bytes.span.bytes, count: Int(rows)) {
                    longest = max(longest, $1.byteCount)
                }
                let width = isOutputWide ? longest : 1
                return [
                    OutputTensor(
                        name: "y",
                        type: .uint8,
                        shape: [rows, Int64(width)],
                        bytes: [UInt8](repeating: 7, count: Int(rows) * width)
                    )
                ]
            }
        )
        #expect(try plan(script).isMerged == !isOutputWide)
    }

    @Test("a card's tolerance allows small differences, and no larger ones")
    func tolerance() throws {
        let drift = computing { x, shape in x.map { $0 + Float(min(shape[0], 9)) * 0.001 } }
        let script = FakeScript(
            signature: .rows(columns: 4),
            answer: computing { x, shape in
                let clean = x.map { $0.isFinite && abs($0) < 1_000 ? $0 : 0 }
                return clean.map { $0 + Float(min(shape[0], 9)) * 0.001 }
            },
            rowAnalysis: Self.atRisk
        )
        let plan = try plan(script, mode: .on, tolerance: 0.01)
        #expect(plan.isMerged && plan.isAtPublishersRisk)
        #expect(plan.why.contains("at the publisher's risk"))
        #expect(plan.why.contains("node 'm' (ReduceMean)"))
        for tolerance in [0, 0.001] {
            #expect(throws: BatchInvarianceCheck.Refusal.self) {
                try self.plan(script, mode: .on, tolerance: tolerance)
            }
        }
        #expect(try !self.plan(FakeScript(answer: drift)).isMerged)
    }

    @Test(
        "bits that depend on the number of rows allow runs up to the last size with equal bits",
        arguments: [(64, 64), (100, 64), (37, 37), (2, 2), (1, 1)]
    )
    func rowCount(equal: Int64, expected: Int) throws {
        let script = FakeScript(
            answer: Self.changing(above: equal),
            rowAnalysis: Self.byRowCount
        )
        let plan = try plan(script)
        #expect(plan.maxRows == expected)
        #expect(plan.isMerged == (expected > 1))
        if equal < 64 {
            #expect(plan.why.contains("output 'y' has other bits in a run of \(equal + 1) rows"))
            #expect(throws: BatchInvarianceCheck.Refusal.self) {
                try self.plan(script, mode: .on)
            }
        }
    }

    @Test("every size is compared where bits may depend on it, and every place of small ones")
    func everySize() throws {
        let seen = Mutex<Set<Int64>>([])
        let answer = computing { x, shape in
            seen.withLock { _ = $0.insert(shape[0]) }
            return x
        }
        #expect(
            try plan(
                FakeScript(answer: answer, rowAnalysis: Self.byRowCount),
                maxRows: 70
            ).isMerged
        )
        #expect(seen.withLock { $0 } == Set(1...70))
    }

    @Test("a run without memory means fewer rows", arguments: [1, 2, 3, 8, 40])
    func outOfMemory(rows: Int64) throws {
        let script = FakeScript(
            answer: .compute { inputs throws(EngineError) in
                if inputs[0].shape[0] > rows { throw EngineError(.outOfMemory, "bad_alloc") }
                return [
                    OutputTensor(
                        name: "y",
                        type: .fp32,
                        shape: inputs[0].shape,
                        bytes: inputs[0].bytes
                    )
                ]
            }
        )
        for mode in [Card.Batching.Mode.auto, .on] {
            let plan = try plan(script, mode: mode)
            #expect(plan.isMerged == (rows > 1))
            #expect(plan.maxRows <= Int(rows) && plan.maxRows > Int(rows) / 2)
            #expect(plan.why.contains("there is no memory to compare a run of"))
        }
    }

    @Test("a run that would take more than its share of the memory is not made")
    func memoryEstimate() throws {
        // Each row takes 64 MiB while it runs: the peak of the process says so.
        let rowBytes: UInt64 = 64 << 20
        let state = Mutex((peak: UInt64(100 << 20), largest: Int64(0)))
        let script = FakeScript(
            answer: computing { x, shape in
                state.withLock { state in
                    state.peak = max(state.peak, 100 << 20 + UInt64(shape[0]) * rowBytes)
                    state.largest = max(state.largest, shape[0])
                }
                return x
            }
        )
        let memory = SystemMemory(peak: { state.withLock { $0.peak } }) {
            SystemMemory.Reading(residentBytes: 100 << 20, availableBytes: 2 << 30)
        }
        let plan = try plan(script, memory: memory)
        // Half of 2 GiB are 16 rows.
        #expect(plan.isMerged && plan.maxRows == 16)
        #expect(state.withLock { $0.largest } == 16)
        #expect(plan.why.contains("there is no memory to compare a run of 17 rows"))
    }

    @Test("a peak that earlier work left says nothing of a run")
    func oldPeak() throws {
        let memory = SystemMemory(peak: { 64 << 30 }) {
            SystemMemory.Reading(residentBytes: 1 << 30, availableBytes: 1 << 30)
        }
        #expect(try plan(FakeScript(), memory: memory).maxRows == 64)
    }

    @Test("a comparison that has used its time means fewer rows, or none merged")
    func outOfTime() throws {
        let plan = try plan(FakeScript(), mode: .on, budgetNs: 0)
        #expect(!plan.isMerged)
        #expect(plan.why.contains("would take more than 0 s"))
        let slow = computing { x, shape in
            // Processor time: 2 ms a row.
            let end = ThreadTime.now + UInt64(shape[0]) * 2_000_000
            while ThreadTime.now < end {}
            return x
        }
        let bounded = try self.plan(FakeScript(answer: slow), budgetNs: 400_000_000)
        #expect(bounded.isMerged && (2..<64).contains(bounded.maxRows))
        #expect(bounded.why.contains("the comparison of larger runs would take more than"))
    }

    @Test("its time is told")
    func time() throws {
        let slow = computing { x, shape in
            let end = ThreadTime.now + UInt64(shape[0]) * 200_000
            while ThreadTime.now < end {}
            return x
        }
        let plan = try plan(FakeScript(answer: slow))
        #expect(plan.checkMs >= 60)
    }

    @Test("a model that takes none of the requests runs them one by one")
    func nothingToCompare() throws {
        let refusing = FakeScript(answer: .fail(EngineError(.invalidInput, "no")))
        #expect(try plan(refusing).why.contains("no two requests"))
        #expect(throws: BatchInvarianceCheck.Refusal.self) { try plan(refusing, mode: .on) }
        #expect(throws: EngineError.self) {
            try plan(FakeScript(answer: .fail(EngineError(.unavailable, "no thread"))))
        }
    }

    @Test("a synthetic request that the model refuses says nothing")
    func refusedRows() throws {
        let picky = FakeScript(
            answer: .compute { inputs throws(EngineError) in
                let values = floats(inputs[0].bytes.copied())
                guard values.allSatisfy({ $0.isFinite && abs($0) < 2 }) else {
                    throw EngineError(.invalidInput, "values from -2 to 2 are taken")
                }
                return [
                    OutputTensor(
                        name: "y",
                        type: .fp32,
                        shape: inputs[0].shape,
                        bytes: inputs[0].bytes
                    )
                ]
            }
        )
        #expect(try plan(picky).isMerged)
    }

    @Test("requests that fail together, or give other numbers of rows, are not merged")
    func apart() throws {
        let failing = FakeScript(
            answer: .compute { inputs throws(EngineError) in
                guard inputs[0].shape[0] < 3 else { throw EngineError(.runtimeFailed, "no") }
                return [
                    OutputTensor(
                        name: "y",
                        type: .fp32,
                        shape: inputs[0].shape,
                        bytes: inputs[0].bytes
                    )
                ]
            }
        )
        #expect(try plan(failing).why.contains("failed in a run of 3 rows"))
        let dropping = FakeScript(
            answer: .compute { inputs in
                let rows = min(inputs[0].shape[0], 4)
                return [
                    OutputTensor(
                        name: "y",
                        type: .fp32,
                        shape: [rows, 4],
                        bytes: [UInt8](repeating: 0, count: Int(rows) * 16)
                    )
                ]
            }
        )
        #expect(try plan(dropping).why.contains("failed in a run of 5 rows"))
    }

    @Test("a number of output rows that depends on values is found in single runs")
    func otherRows() throws {
        // As many rows as there are numbers above 0, as a detector gives.
        let script = FakeScript(
            answer: .compute { inputs in
                let found = floats(inputs[0].bytes.copied()).count { $0 > 0 }
                return [
                    OutputTensor(
                        name: "y",
                        type: .fp32,
                        shape: [Int64(found), 4],
                        bytes: [UInt8](repeating: 0, count: found * 16)
                    )
                ]
            }
        )
        let golden = [request([1, 0, 0, 0]), request([0, 0, 0, 1])]
        let plan = try plan(script, golden: golden)
        #expect(plan.why.contains("output 'y' has other numbers of rows"))
        #expect(throws: BatchInvarianceCheck.Refusal.self) {
            try self.plan(script, mode: .on, golden: golden)
        }
    }

    @Test("golden requests with an optional input are not compared, others are")
    func optionalInputs() throws {
        let optional = TensorSpec(name: "o", type: .fp32, shape: [], isOptional: true)
        let rows = ModelSignature.rows()
        let widths = Mutex<Set<Int>>([])
        let script = FakeScript(
            signature: ModelSignature(inputs: rows.inputs + [optional], outputs: rows.outputs),
            answer: .compute { inputs in
                widths.withLock { _ = $0.insert(inputs.count) }
                return [
                    OutputTensor(
                        name: "y",
                        type: .fp32,
                        shape: inputs[0].shape,
                        bytes: inputs[0].bytes
                    )
                ]
            }
        )
        let scalar = InputTensor(name: "o", type: .fp32, shape: [], bytes: bytes(of: [1]))
        let model = UncheckedModel(script)
        let rule = BatchRule(of: model, batching: Card.Batching(), isDeterministic: true)
        let plan = try BatchInvarianceCheck(model: model, rule: rule).plan(
            golden: [request([1, 2, 3, 4]), request([1, 2, 3, 4]) + [scalar]]
        )
        #expect(plan.isMerged)
        #expect(widths.withLock { $0 } == [1])
    }
}

/// A model whose requests are not checked: it may leave inputs out.
private final class UncheckedModel: InferenceModel {
    let resources = ModelResources(modelBytes: 1, threads: 1, timeDependsOnValues: false)
    private let script: FakeScript
    var signature: ModelSignature { script.signature }
    var rowAnalysis: RowAnalysis { script.rowAnalysis }

    init(_ script: FakeScript) {
        self.script = script
    }

    func run(
        _ inputs: [InputTensor],
        outputs: [ExactString],
        stop: RunStop?
    ) throws(EngineError) -> [OutputTensor] {
        guard case .compute(let function) = script.answer else { return [] }
        return try function(inputs)
    }
}
