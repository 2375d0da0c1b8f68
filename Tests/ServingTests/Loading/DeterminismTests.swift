import Engine
import EngineTesting
import Synchronization
import Testing
import Text

@testable import Registry
@testable import Serving

@Suite("Answers that vary between runs")
struct DeterminismTests {
    /// Counts up: no two runs give the same answer.
    private static func drifting(by step: Float) -> FakeScript.Answer {
        let count = Mutex(Float(0))
        return computing { x, _ in
            let drift = count.withLock { count in
                count += step
                return count
            }
            return x.map { $0.isFinite ? $0 + drift : $0 }
        }
    }

    private func publish(
        _ script: FakeScript,
        card: String = "",
        golden: String? = nil
    ) throws -> Published {
        let home = try ServingHome()
        let engine = FakeEngine(name: "onnxruntime", script)
        let text = "format: 1\nengine: onnxruntime\nentry: model.bin\n" + card
        var files = [("model.yaml", Array(text.utf8)), ("model.bin", [UInt8(1)])]
        if let golden {
            files[0].1 += Array("golden: golden/*.json\n".utf8)
            files.append(("golden/0.json", Array(golden.utf8)))
        }
        try home.publish(files)
        let loader = Loader(
            engines: [engine.name: engine],
            loopRunNs: 0,
            meters: ServingMeters()
        )
        let version = try home.registry.open(model: "m", version: 1)
        return Published(home: home, loader: loader, version: version)
    }

    /// A version, and the registry that its files lie in.
    private struct Published {
        let home: ServingHome
        let loader: Loader
        let version: OpenedVersion

        func load() throws(Loader.Failure) -> Slot { try loader.load(version) }
    }

    private static func golden(atol: String = "0", rtol: String = "0") -> String {
        """
        {"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 4], "data": [1, 2, 3, 4]}],
         "outputs": [{"name": "y", "datatype": "FP32", "shape": [1, 4], "data": [1, 2, 3, 4]}],
         "atol": \(atol), "rtol": \(rtol)}
        """
    }

    @Test("a version that answers alike is deterministic, golden requests or not")
    func stable() throws {
        for golden in [nil, Self.golden()] {
            let published = try publish(FakeScript(), golden: golden)
            let slot = try published.load()
            #expect(slot.isDeterministic && slot.plan.isMerged)
        }
    }

    @Test(
        "a version whose answers vary is served alone, and is not deterministic",
        arguments: [
            "", "batching: {mode: off}\n",
        ]
    )
    func varying(card: String) throws {
        let published = try publish(FakeScript(answer: Self.drifting(by: 1)), card: card)
        for _ in 0..<2 {
            let slot = try published.load()
            #expect(!slot.isDeterministic && !slot.plan.isMerged)
            if card.isEmpty { #expect(slot.plan.why.contains("answers vary between runs")) }
        }
    }

    @Test("a version with a fixed number of rows is found out as well")
    func fixedShape() throws {
        let fixed = ModelSignature(
            inputs: [TensorSpec(name: "x", type: .fp32, shape: [1, 4])],
            outputs: [TensorSpec(name: "y", type: .fp32, shape: [1, 4])]
        )
        let published = try publish(
            FakeScript(signature: fixed, answer: Self.drifting(by: 1))
        )
        #expect(try !published.load().isDeterministic)
    }

    @Test("a random operator without a seed makes a version vary, whatever its runs show")
    func randomNode() throws {
        let analysis = RowAnalysis(
            independence: .proved,
            precision: .exact,
            randomNode: "node 'noise' (RandomNormalLike)"
        )
        let published = try publish(FakeScript(rowAnalysis: analysis))
        let slot = try published.load()
        #expect(!slot.isDeterministic && !slot.plan.isMerged)
        #expect(slot.plan.why.contains("node 'noise' (RandomNormalLike)"))
    }

    private func reason(_ script: FakeScript, card: String = "", golden: String?) throws -> String?
    {
        let published = try publish(script, card: card, golden: golden)
        do {
            _ = try published.load()
            return nil
        } catch {
            guard case .rejected(let reason, _) = error else { throw error }
            return reason
        }
    }

    @Test("a golden request without a tolerance rejects such a version, and says why")
    func exactGolden() throws {
        let script = FakeScript(answer: Self.drifting(by: 0.001))
        let words = "golden request golden/0.json: the version's answers vary between runs"
        let reason = try reason(script, golden: Self.golden())
        #expect(try #require(reason).hasPrefix(words))
        #expect(try #require(reason).contains("output 'y' differs between two runs"))
        for golden in [Self.golden(atol: "0.5"), Self.golden(rtol: "0.5")] {
            #expect(try self.reason(script, golden: golden) == nil)
        }
        // Known by its operator, when two runs happen to agree.
        let analysis = RowAnalysis(
            independence: .proved,
            precision: .exact,
            randomNode: "node 'r'"
        )
        let wrong = FakeScript(
            answer: computing { x, _ in x.map { $0 + 1 } },
            rowAnalysis: analysis
        )
        #expect(try #require(try self.reason(wrong, golden: Self.golden())).contains("node 'r'"))
        // Wrong, and the same each time: an ordinary difference.
        let stable = FakeScript(answer: computing { x, _ in x.map { $0 + 1 } })
        let difference = try #require(try self.reason(stable, golden: Self.golden()))
        #expect(difference.contains("element 0: 2"))
    }

    @Test("a version that varies and whose card says batching: on is rejected")
    func insisting() throws {
        let script = FakeScript(answer: Self.drifting(by: 1))
        let reason = try reason(script, card: "batching: {mode: on, tolerance: 100}\n", golden: nil)
        #expect(try #require(reason).contains("batching: on, but answers vary"))
    }

    @Test("a model whose values decide on its time is repeated with the warm-up alone")
    func slowValues() throws {
        let largest = Mutex<Float>(0)
        let answer = computing { x, _ in
            largest.withLock { $0 = max($0, x.max() ?? 0) }
            return x
        }
        let published = try publish(
            FakeScript(answer: answer, timeDependsOnValues: true),
            card: "batching: {mode: off}\n"
        )
        #expect(try published.load().isDeterministic)
        #expect(largest.withLock { $0 } == 0)
    }

    @Test("a repetition ends with its time")
    func budget() throws {
        let engine = FakeEngine(FakeScript(answer: Self.drifting(by: 1)))
        let model = try engine.load(ModelInMemory(entry: [UInt8]()), options: LoadOptions())
        #expect(try !DeterminismCheck(of: model).isStable())
        let before = engine.runs
        #expect(try DeterminismCheck(of: model, budgetNs: 0).isStable())
        #expect(engine.runs == before)
    }
}
