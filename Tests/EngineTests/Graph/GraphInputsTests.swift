import Testing

@testable import Engine

@Suite("Graphs as a whole")
struct GraphInputsTests {
    @Test("an input without a free first dimension is named")
    func fixedInput() {
        let graph = GraphCase("", ["x": [2, 4]]) { $0.node("Relu") }
        #expect(graph.analysis.reason == "the first dimension of input 'x' is not free")
        let scalar = GraphCase("", ["x": []]) { $0.node("Relu") }
        #expect(scalar.analysis.reason == "the first dimension of input 'x' is not free")
    }

    @Test("an input of unknown rank is named")
    func unknownRank() {
        var graph = TestGraph([:])
        graph.input("x", nil)
        graph.node("Relu")
        #expect(graph.analysis.reason == "input 'x' has no declared rank")
    }

    @Test("a negative size is a free one")
    func negative() {
        #expect(GraphCase("", ["x": [-1, -1]]) { $0.node("Relu") }.analysis.isProved)
    }

    @Test("a graph without inputs or outputs is not proved")
    func empty() {
        #expect(TestGraph([:]).analysis.reason == "the model has no inputs")
        #expect(TestGraph(outputs: []).analysis.reason == "the model has no outputs")
        #expect(TestGraph().analysis.reason == "output 'y' is not computed")
    }

    @Test("an output that is a constant has no rows")
    func constant() {
        let graph = GraphCase("") { graph in
            graph.weight("w", [4])
            graph.node("Relu", ["w"])
        }
        #expect(graph.analysis.reason == "output 'y' depends on no row")
    }

    @Test("a constant that is an input as well is one of unknown values")
    func overridable() {
        func reshape(isInput: Bool) -> RowAnalysis {
            var graph = TestGraph()
            graph.ints("shape", [0, 4])
            if isInput { graph.input("shape", [2], type: TestGraph.int64) }
            graph.node("Reshape", ["x", "shape"])
            return graph.analysis
        }
        #expect(reshape(isInput: false).isProved)
        #expect(reshape(isInput: true).reason.contains("a shape that is not known"))
        var graph = TestGraph()
        graph.weight("w", [4, 3])
        graph.input("w", [4, 3])
        graph.node("MatMul", ["x", "w"])
        #expect(graph.analysis.isProved)
    }

    @Test("every output counts, and the worst one decides")
    func outputs() {
        var graph = TestGraph(outputs: ["a", "b", "c"])
        graph.node("Relu", ["x"], ["a"])
        graph.node("Softmax", ["x"], ["b"], name: "b", ["axis": .int(0)])
        graph.node("Relu", ["x"], ["c"])
        let across = "node 'b' (Softmax): it works across the rows"
        #expect(graph.analysis.independence == .rowCountOnly(reason: across))
        var lost = TestGraph(outputs: ["a", "b"])
        lost.node("Softmax", ["x"], ["a"], name: "a", ["axis": .int(0)])
        lost.node("NonZero", ["x"], ["b"], name: "b")
        let rows = "node 'b' (NonZero): it gives a number of rows that depends on values"
        #expect(lost.analysis.independence == .unproved(reason: rows))
    }

    @Test("a function of the model is not looked into, whatever its name")
    func function() {
        var graph = TestGraph()
        graph.rawModel(Proto.field(25, Proto.field(1, "Relu")))
        graph.node("Relu")
        #expect(graph.analysis.reason.contains("(Relu): it is a function of the model"))
    }

    @Test("operators newer than the rules are not known")
    func newer() {
        #expect(GraphCase.node("Relu", opset: 27).analysis.isProved)
        #expect(GraphCase.node("Relu", opset: 28).analysis.reason.contains("knows"))
    }

    @Test("names are bytes: a composed and a decomposed name are two")
    func names() {
        var graph = TestGraph(["e\u{301}": ["N"]])
        graph.input("\u{e9}", ["N"])
        graph.node("Relu", ["\u{e9}"])
        #expect(graph.analysis.isProved)
        var twice = TestGraph(outputs: ["e\u{301}"])
        twice.node("Relu", ["x"], ["\u{e9}"])
        #expect(!twice.analysis.isProved)
    }

    @Test("a tensor that is computed twice, or after it is used, is refused")
    func order() {
        var twice = TestGraph()
        twice.node("Relu", ["x"], ["y"])
        twice.node("Abs", ["x"], ["y"])
        #expect(twice.analysis.reason == "tensor 'y' is computed twice")
        var late = TestGraph()
        late.node("Relu", ["z"], ["y"])
        late.node("Abs", ["x"], ["z"])
        #expect(late.analysis.reason.contains("no node before it computes"))
    }

    @Test("an attribute that is there twice is refused")
    func attributes() {
        var graph = TestGraph()
        let axis = Proto.field(1, "axis")
        graph.raw(
            Proto.field(
                1,
                Proto.field(1, "x") + Proto.field(2, "y") + Proto.field(4, "Softmax")
                    + Proto.field(5, axis + Proto.number(3, 1))
                    + Proto.field(5, axis + Proto.number(3, 0))
            )
        )
        #expect(!graph.analysis.isProved)
    }
}

@Suite("Hostile graphs")
struct HostileGraphTests {
    @Test("bytes that are no model give a verdict, wherever they are cut")
    func cut() {
        var graph = TestGraph()
        graph.ints("shape", [0, -1])
        graph.node("Reshape", ["x", "shape"])
        let bytes = graph.bytes
        for count in bytes.indices {
            _ = Array(bytes[..<count]).withBytes { GraphAnalysis.rows(of: $0) }
        }
        let garbage = [UInt8](repeating: 0xFF, count: 20).withBytes { GraphAnalysis.rows(of: $0) }
        #expect(garbage.reason.hasPrefix("the model's graph cannot be analysed: "))
        #expect(garbage.precision != .exact)
    }

    @Test("extreme numbers neither trap nor prove anything")
    func extremes() {
        let extremes: [Int64] = [.min, .min + 1, -1, 0, 1, .max - 1, .max]
        for number in extremes {
            for other in extremes {
                let list = [number, other]
                for type in ["Reshape", "Expand", "Tile", "Unsqueeze", "Squeeze", "ReduceSum"] {
                    _ = GraphCase.node(type, shape: ["N", 4], ints: list).analysis
                }
                _ = GraphCase.node("Pad", shape: ["N"], ints: list).analysis
                _ = GraphCase.node("Transpose", ["perm": .ints(list)], shape: ["N", 4]).analysis
                let pool: [String: TestGraph.Value] = [
                    "kernel_shape": .ints(list), "strides": .ints(list), "dilations": .ints(list),
                    "pads": .ints(list + list),
                ]
                _ = GraphCase.node("MaxPool", pool, shape: ["N", 4, 8, 8]).analysis
                let conv = GraphCase("", ["x": ["N", 3, .number(number), .number(other)]]) {
                    graph in
                    graph.weight("w", [3, 3, 3, 3])
                    graph.node("ConvTranspose", ["x", "w"], ["t"], ["strides": .ints(list)])
                    graph.node("Conv", ["t", "w"])
                }
                _ = conv.analysis
                let arithmetic = GraphCase("") { graph in
                    graph.ints("a", [number], isScalar: true)
                    graph.ints("b", [other], isScalar: true)
                    for type in ["Add", "Sub", "Mul", "Div", "Mod", "Max", "Equal"] {
                        graph.node(type, ["a", "b"], [type])
                        graph.node("Range", [type, "b", "a"], ["r" + type])
                        graph.node("Reshape", ["x", "r" + type], ["y" + type])
                    }
                    graph.node("Concat", ["yAdd", "ySub", "yMul", "yDiv", "yMod", "yMax"])
                }
                #expect(!arithmetic.analysis.isProved)
            }
        }
    }

    @Test(
        "nodes without inputs or outputs are refused",
        arguments: [
            "Relu", "Add", "Concat", "MatMul", "Gemm", "LSTM", "Constant", "Range", "Einsum", "Sum",
            "Where", "Gather", "Attention", "Clip", "Conv", "Shape", "LabelEncoder",
        ]
    )
    func bare(type: String) {
        for domain in ["", "ai.onnx.ml", "com.microsoft"] {
            for inputs in [[], [""], ["", "x"], ["x", "", "", ""]] {
                for outputs in [[], ["y"], ["", "", "", "", "", "y"]] {
                    var graph = TestGraph()
                    graph.node(type, inputs, outputs, domain: domain)
                    _ = graph.analysis
                }
            }
        }
    }

    @Test("the number of dimensions is bounded")
    func rank() {
        func unsqueezed(_ count: Int64) -> RowAnalysis {
            GraphCase.node("Unsqueeze", shape: ["N"], ints: (1...count).map { $0 }).analysis
        }
        let limit = Int64(GraphLimits.maxRank)
        #expect(unsqueezed(limit - 1).isProved)
        #expect(unsqueezed(limit).reason.contains("more than \(limit) dimensions"))
    }

    @Test("long lists are kept in part, and then known as unknown")
    func lists() {
        func reduced(_ count: Int) -> RowAnalysis {
            GraphCase.node("ReduceSum", ints: [Int64](repeating: 1, count: count)).analysis
        }
        #expect(reduced(GraphLimits.maxKeptValues).isProved)
        #expect(!reduced(GraphLimits.maxKeptValues + 1).isProved)
    }

    @Test("the number of nodes is bounded, and many take little time")
    func nodes() {
        let node = Proto.field(1, Proto.field(4, "Relu"))
        var graph = TestGraph()
        graph.node("Relu")
        graph.raw([UInt8]((0..<GraphLimits.maxNodes - 1).flatMap { _ in node }))
        #expect(graph.analysis.isProved)
        graph.raw(node)
        #expect(
            graph.analysis.reason
                == "the model's graph cannot be analysed: more than \(GraphLimits.maxNodes) nodes"
        )
    }

    @Test("a long chain takes time in proportion")
    func chain() {
        var graph = TestGraph()
        graph.node("Relu", ["x"], ["t0"])
        for index in 0..<20_000 { graph.node("Shape", ["t\(index)"], ["t\(index + 1)"]) }
        graph.node("Relu", ["t20000"])
        #expect(!graph.analysis.isProved)
    }
}
