import Foundation
import Testing

@testable import Engine

@Suite("The verdict on whole models")
struct IsolationModelTests {
    private static let patterns = Fixtures.root.appending(path: "Tests/Fixtures/patterns")
    private static let exports = Fixtures.root.appending(path: "Tests/Fixtures/exports")

    private static func verdict(_ folder: URL, _ name: String) throws -> IsolationVerdict {
        let data = try Data(contentsOf: folder.appending(path: "\(name).onnx"))
        return isolationVerdict([UInt8](data))
    }

    /// The patterns that need a host, with words of the reason.
    private static let hosted = [
        "keras_gru": "a tensor without elements", "torch_lstm": "a tensor without elements",
        "text_window": "a text of a request", "torch_bert": "merged with a normalisation",
        "torch_resnet_block": "may leave a picture without elements",
    ]

    @Test("exporters' models are safe unless a layer is not", arguments: ExportedModelsTests.names)
    func patterns(name: String) throws {
        let verdict = try Self.verdict(Self.patterns, name)
        guard let why = Self.hosted[name] else { return #expect(verdict == .safe) }
        #expect(verdict.text.contains(why), "\(verdict)")
    }

    @Test(
        "models of scikit-learn and of boosted trees are safe",
        arguments: [
            "bayes", "boosted", "columns", "forest", "lightgbm", "logistic", "perceptron", "ridge",
            "support",
        ]
    )
    func exports(name: String) throws {
        #expect(try Self.verdict(Self.exports, name) == .safe)
    }

    @Test("text models of the registry need a host", arguments: ["v1", "v2"])
    func sentiment(version: String) throws {
        let folder = Fixtures.root.appending(path: "Registry/models/sentiment/\(version)")
        let verdict = try Self.verdict(folder, "model")
        #expect(verdict.text.hasSuffix("(Tokenizer)"))
    }

    @Test("perceptrons are safe", arguments: [[4, 8, 3], [768, 3072, 768]])
    func perceptrons(widths: [Int]) {
        var graph = TestGraph(["x": ["N", .number(Int64(widths[0]))]])
        for (index, pair) in zip(widths, widths.dropFirst()).enumerated() {
            graph.weight("w\(index)", [pair.0, pair.1])
            graph.weight("b\(index)", [pair.1])
            let input = index == 0 ? "x" : "r\(index - 1)"
            graph.node("Gemm", [input, "w\(index)", "b\(index)"], ["g\(index)"])
            graph.node("Relu", ["g\(index)"], ["r\(index)"])
        }
        graph.node("Softmax", ["r\(widths.count - 2)"])
        #expect(graph.isolation == .safe)
        #expect(!timeDependsOnValues(graph))
    }

    // MARK: Models whose values end, stall or fill a process

    @Test("a mean of integers by a count of the request")
    func mean() {
        var graph = TestGraph([:], outputs: ["mean"])
        for name in ["total", "count"] { graph.input(name, ["N"], type: 6) }
        graph.node("Div", ["total", "count"], ["mean"])
        let text = graph.isolation.text
        #expect(text == "the divisor of its integers may be 0 or -1, the node of 'mean' (Div)")
        #expect(timeDependsOnValues(graph))
    }

    @Test("a Range up to a number of the request")
    func range() {
        var graph = TestGraph([:])
        graph.input("n", [1], type: TestGraph.int64)
        graph.ints("zero", [0], isScalar: true)
        graph.ints("one", [1], isScalar: true)
        graph.node("Squeeze", ["n"], ["k"])
        graph.node("Range", ["zero", "k", "one"], ["r"])
        graph.node("ReduceMax", ["r"], ["y"], ["keepdims": .int(0)])
        #expect(graph.isolation.text.hasSuffix("size of its output, the node of 'r' (Range)"))
        #expect(timeDependsOnValues(graph))
    }

    @Test("an Expand to a size of the request")
    func expand() {
        var graph = TestGraph([:])
        graph.input("n", [1], type: TestGraph.int64)
        graph.weight("one", [1])
        graph.node("Expand", ["one", "n"], ["big"])
        graph.node("ReduceMax", ["big"], ["y"], ["keepdims": .int(0)])
        #expect(graph.isolation.text.hasSuffix("size of its output, the node of 'big' (Expand)"))
    }

    @Test("a model with a Loop, whose load or calls may not end")
    func loop() throws {
        let verdict = isolationVerdict(try Fixtures.bytes("endless.onnx"))
        #expect(verdict.text.contains("how often a part of the graph runs"))
    }

    @Test("an engine gives the verdict, and the model the time")
    func engine() throws {
        let engine = try Fixtures.engine()
        for (name, isSafe) in [("mlp_4_8_3_a", true), ("zip_map", false), ("endless", false)] {
            let source = ModelInMemory(entry: try Fixtures.bytes("\(name).onnx"))
            let inspection = try engine.inspect(source, growth: 64)
            #expect((inspection.isolation == .safe) == isSafe)
        }
        #expect(try !Fixtures.load("mlp_4_8_3_a").resources.timeDependsOnValues)
        #expect(try Fixtures.load("endless").resources.timeDependsOnValues)
        let model = ModelInMemory(entry: try Fixtures.bytes("mlp_4_8_3_a.onnx"))
        // 8 floats for 4: twice the bytes.
        #expect(try engine.inspect(model, growth: 2).isolation == .safe)
        #expect(try engine.inspect(model, growth: 1).isolation != .safe)
        let strict = try engine.load(model, options: LoadOptions(growth: 1))
        #expect(strict.resources.timeDependsOnValues)
    }

    @Test("a file that is no model needs a host")
    func garbage() {
        let verdict = isolationVerdict([UInt8](repeating: 0xFF, count: 20))
        #expect(verdict.text.hasPrefix("the model's graph cannot be analysed"))
    }
}
