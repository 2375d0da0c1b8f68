import Engine
import EngineTesting
import Testing
import Text

@testable import Registry
@testable import Serving

@Suite("The decision on merged runs before any run")
struct BatchRuleTests {
    private static let place = RowAnalysis.Precision.dependsOnPlace(reason: "node 'e' (Elu)")
    private static let count = RowAnalysis.Precision.dependsOnRowCount(reason: "node 'g' (Gemm)")
    private static let rowCountOnly = RowAnalysis.Independence.rowCountOnly(reason: "node 's'")
    private static let unproved = RowAnalysis.Independence.unproved(reason: "node 'c' (Compress)")

    private func verdict(
        _ independence: RowAnalysis.Independence = .proved,
        _ precision: RowAnalysis.Precision = .exact,
        mode: Card.Batching.Mode = .auto,
        tolerance: Double = 0,
        maxRows: Int = 64,
        random: String? = nil,
        isDeterministic: Bool = true,
        threads: Int = 1,
        signature: ModelSignature = .rows()
    ) throws -> BatchRule.Verdict {
        var batching = Card.Batching()
        batching.mode = mode
        batching.tolerance = tolerance
        batching.maxRows = maxRows
        let script = FakeScript(
            signature: signature,
            rowAnalysis: RowAnalysis(
                independence: independence,
                precision: precision,
                randomNode: random
            )
        )
        let model = try FakeEngine(script).load(
            ModelInMemory(entry: [UInt8]()),
            options: LoadOptions(threads: threads)
        )
        return BatchRule(of: model, batching: batching, isDeterministic: isDeterministic).verdict
    }

    private func isUnmerged(_ verdict: BatchRule.Verdict, _ words: String) -> Bool {
        guard case .alone(let why) = verdict else { return false }
        return why.contains(words)
    }

    private func isRejected(_ verdict: BatchRule.Verdict, _ words: String) -> Bool {
        guard case .rejected(let reason) = verdict else { return false }
        return reason.hasPrefix("the card says batching: on, but ") && reason.contains(words)
    }

    @Test("what is proved is compared, at every size where bits may depend on it")
    func proved() throws {
        for mode in [Card.Batching.Mode.auto, .on] {
            #expect(try verdict(mode: mode) == .comparing(.sample, risk: nil))
            #expect(try verdict(.proved, Self.count, mode: mode) == .comparing(.every, risk: nil))
            #expect(try verdict(mode: mode, threads: 2) == .comparing(.every, risk: nil))
            #expect(
                try verdict(.proved, Self.count, mode: mode, tolerance: 1e-6)
                    == .comparing(.sample, risk: nil)
            )
            #expect(
                try verdict(.proved, Self.place, mode: mode, tolerance: 1e-6)
                    == .comparing(.sample, risk: nil)
            )
        }
    }

    @Test("bits that depend on the place are never merged at tolerance 0, and the node is named")
    func place() throws {
        #expect(isUnmerged(try verdict(.proved, Self.place), "node 'e' (Elu)"))
        #expect(isRejected(try verdict(.proved, Self.place, mode: .on), "node 'e' (Elu)"))
    }

    @Test("mode on replaces the proof that rows are independent, at the publisher's risk")
    func risk() throws {
        #expect(isUnmerged(try verdict(Self.rowCountOnly), "node 's'"))
        #expect(isUnmerged(try verdict(Self.rowCountOnly, tolerance: 1), "node 's'"))
        #expect(
            try verdict(Self.rowCountOnly, mode: .on) == .comparing(.sample, risk: "node 's'")
        )
        #expect(isRejected(try verdict(Self.rowCountOnly, Self.place, mode: .on), "node 'e'"))
    }

    @Test("mode on does not replace the proof of the number of rows")
    func unproved() throws {
        #expect(isUnmerged(try verdict(Self.unproved), "node 'c' (Compress)"))
        #expect(isRejected(try verdict(Self.unproved, mode: .on), "node 'c' (Compress)"))
        #expect(
            isRejected(try verdict(Self.unproved, mode: .on, tolerance: 9), "node 'c' (Compress)")
        )
    }

    @Test("answers that vary are never merged")
    func varying() throws {
        #expect(isUnmerged(try verdict(random: "node 'r' (RandomNormal)"), "node 'r'"))
        #expect(isRejected(try verdict(mode: .on, random: "node 'r'"), "node 'r'"))
        #expect(isUnmerged(try verdict(isDeterministic: false), "answers vary"))
        #expect(
            isRejected(try verdict(mode: .on, tolerance: 1, isDeterministic: false), "answers vary")
        )
    }

    @Test("a card that forbids merged runs is obeyed, whatever is proved")
    func forbidden() throws {
        #expect(isUnmerged(try verdict(mode: .off), "the card says batching: off"))
        for mode in [Card.Batching.Mode.auto, .on] {
            #expect(isUnmerged(try verdict(mode: mode, maxRows: 1), "one row a run"))
        }
    }

    private static let free = TensorSpec(name: "x", type: .fp32, shape: [-1, 4])

    @Test(
        "inputs and outputs without a first dimension of any size are not merged",
        arguments: [
            (ModelSignature(inputs: [], outputs: [free]), "no inputs"),
            (
                ModelSignature(
                    inputs: [TensorSpec(name: "o", type: .fp32, shape: [-1], isOptional: true)],
                    outputs: [free]
                ), "no inputs"
            ),
            (
                ModelSignature(
                    inputs: [free, TensorSpec(name: "s", type: .fp32, shape: [])],
                    outputs: [free]
                ), "the first dimension of input 's' is fixed"
            ),
            (
                ModelSignature(
                    inputs: [TensorSpec(name: "u", type: .fp32, shape: [], hasUnknownRank: true)],
                    outputs: [free]
                ), "input 'u' has no declared shape"
            ),
        ]
    )
    func shapes(signature: ModelSignature, words: String) throws {
        #expect(isUnmerged(try verdict(signature: signature), words))
        #expect(isRejected(try verdict(mode: .on, signature: signature), words))
    }

    @Test("the declared shape of an output counts only where the graph proves nothing of it")
    func declaredOutputs() throws {
        for output in [
            TensorSpec(name: "y", type: .fp32, shape: [1]),
            TensorSpec(name: "y", type: .fp32, shape: [], hasUnknownRank: true),
        ] {
            let signature = ModelSignature(inputs: [Self.free], outputs: [output])
            #expect(try verdict(signature: signature) == .comparing(.sample, risk: nil))
            let counted = try verdict(.rowCountOnly(reason: "x"), mode: .on, signature: signature)
            #expect(isRejected(counted, "output 'y'"))
        }
    }

    @Test("an optional input of any shape is no obstacle")
    func optional() throws {
        let signature = ModelSignature(
            inputs: [Self.free, TensorSpec(name: "o", type: .fp32, shape: [], isOptional: true)],
            outputs: [Self.free]
        )
        #expect(try verdict(signature: signature) == .comparing(.sample, risk: nil))
    }

    @Test("a sample of sizes has vector tails and the largest size, and at most doubles")
    func sizes() {
        #expect(BatchSizes.list(.sample, maxRows: 1) == [])
        #expect(BatchSizes.list(.sample, maxRows: 2) == [2])
        #expect(
            BatchSizes.list(.sample, maxRows: 64)
                == [2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64]
        )
        #expect(BatchSizes.list(.every, maxRows: 5) == [2, 3, 4, 5])
        for maxRows in 2...300 {
            let sizes = BatchSizes.list(.sample, maxRows: maxRows)
            #expect(sizes.first == 2 && sizes.last == maxRows)
            #expect(zip(sizes, sizes.dropFirst()).allSatisfy { $0 < $1 && $1 <= 2 * $0 })
        }
    }
}
