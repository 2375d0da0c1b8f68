import Testing

@testable import Engine

@Suite("Operators that keep rows apart")
struct KeptRowsTests {
    @Test(
        "elementwise operators do, whatever the shape",
        arguments: [
            "Relu", "Exp", "Elu", "Sigmoid", "Abs", "Not", "IsNaN", "Identity", "Erf", "Softsign",
            "Sqrt", "LeakyRelu", "Floor", "Sign", "Dropout", "HardSwish", "Softplus",
        ]
    )
    func elementwise(type: String) {
        #expect(GraphCase.node(type).analysis.isProved)
        #expect(GraphCase.node(type, shape: ["N"]).analysis.isProved)
        #expect(GraphCase.node(type, shape: ["N", "height", "width", 3, 2]).analysis.isProved)
    }

    @Test("a look-up in a short list of integers, whose values are known, does")
    func lookUp() {
        var graph = TestGraph([:])
        graph.input("i", ["N"], type: TestGraph.int64)
        graph.ints("table", [3, 1, 2])
        graph.node("Gather", ["table", "i"])
        #expect(graph.analysis.isProved)
    }

    @Test("operators along other dimensions do", arguments: alongOthers)
    func along(_ graph: GraphCase) {
        #expect(graph.analysis.independence == .proved)
    }

    private static let alongOthers: [GraphCase] = [
        .node("Softmax"), .node("Softmax", ["axis": .int(1)]), .node("Softmax", ["axis": .int(-2)]),
        .node("Softmax", opset: 11), .node("Softmax", ["axis": .int(2)], opset: 11),
        .node("LogSoftmax", ["axis": .int(2)]), .node("Hardmax", ["axis": .int(1)]),
        .node("ReduceSum", ints: [1]), .node("ReduceSum", ints: [-1, 1]),
        .node("ReduceMean", ["axes": .ints([2]), "keepdims": .int(0)]),
        .node("ReduceMax", opset: 18, ints: [1]),
        .node("ReduceSum", ["noop_with_empty_axes": .int(1)]),
        .node("ReduceProd", ["axes": .ints([-1])]), .node("ReduceL2", ["axes": .ints([1, 2])]),
        .node("ArgMax", ["axis": .int(1)]),
        .node("ArgMin", ["axis": .int(-1), "keepdims": .int(0)]),
        .node("TopK", ["axis": .int(1)], ints: [2]), .node("TopK", ints: [2]),
        .node("CumSum", ints: [1]), .node("LpNormalization", ["axis": .int(1)]),
        .node("MeanVarianceNormalization", ["axes": .ints([1, 2])]),
        .node("Slice", ["starts": .ints([1]), "ends": .ints([3]), "axes": .ints([1])], opset: 9),
        .node("Slice", ["starts": .ints([0]), "ends": .ints([Int64.max])], opset: 9, "all rows"),
        .node("Squeeze", ["axes": .ints([1])], opset: 11, shape: ["N", 1, 4]),
        .node("Unsqueeze", ["axes": .ints([1, -1])], opset: 11), .node("Unsqueeze", ints: [2]),
        .node("Squeeze", shape: ["N", 4, 1], ints: [-1]),
        .node("Flatten"), .node("Flatten", ["axis": .int(1)]), .node("Flatten", ["axis": .int(-2)]),
        .node("Transpose", ["perm": .ints([0, 2, 1])]),
        .node("Concat", ["axis": .int(1)]), .node("Split", ["axis": .int(2)]),
        .node("Pad", ["pads": .ints([0, 1, 0, 0, 2, 0])], opset: 10),
        .node("Pad", ints: [0, 1, 2, 0, 3, 4]),
        .node("Pad", ["mode": .text("reflect")], ints: [0, 1, 0, 0, 1, 0]),
        .node("Tile", ints: [1, 2, 3]), .node("Expand", ints: [1, 4, 6]),
        .node("Trilu", shape: ["N", 3, 3]),
        .node("DepthToSpace", ["blocksize": .int(2)], shape: ["N", 4, 2, 2]),
        .node("GlobalAveragePool", shape: ["N", 4, 6, 6]),
        .node("LRN", ["size": .int(3)], shape: ["N", 4, 6, 6]),
        .node("MaxPool", ["kernel_shape": .ints([2, 2])], shape: ["N", 4, 6, 6]),
        .node("AveragePool", ["kernel_shape": .ints([2])], shape: ["N", 4, "time"]),
        .node("Reshape", ints: [0, -1]), .node("Reshape", ints: [-1, 24]),
        .node("Reshape", ints: [-1, 2, 12]),
        .node("Reshape", ["shape": .ints([0, 24])], opset: 1),
        .node("Scaler", domain: "ai.onnx.ml"),
        .node("Normalizer", shape: ["N", 4], domain: "ai.onnx.ml"),
        .node("OneHotEncoder", domain: "ai.onnx.ml"), .node("Binarizer", domain: "ai.onnx.ml"),
        .node("LinearRegressor", shape: ["N", 4], domain: "ai.onnx.ml"),
        .node("StringNormalizer", shape: ["N"]), .node("TfIdfVectorizer", shape: ["N", 4]),
        .node("Gelu", domain: "com.microsoft"),
    ]

    @Test("operators with constants do", arguments: withConstants)
    func constants(_ graph: GraphCase) {
        #expect(graph.analysis.independence == .proved)
    }

    private static let withConstants: [GraphCase] = [
        GraphCase("MatMul") { graph in
            graph.weight("w", [4, 3])
            graph.node("MatMul", ["x", "w"])
        },
        GraphCase("MatMul with a vector") { graph in
            graph.weight("w", [4])
            graph.node("MatMul", ["x", "w"])
        },
        GraphCase("MatMul of a constant by each row", ["x": ["N", 4, 3]]) { graph in
            graph.weight("w", [1, 4])
            graph.node("MatMul", ["w", "x"])
        },
        GraphCase("Gemm, both transposed, rows back in front") { graph in
            graph.weight("w", [3, 4])
            graph.weight("b", [3])
            graph.node("Transpose", ["x"], ["t"])
            graph.node("Gemm", ["t", "w", "b"], ["y"], ["transA": .int(1), "transB": .int(1)])
        },
        GraphCase("Gemm with rows as columns") { graph in
            graph.weight("w", [3, 4])
            graph.node("Gemm", ["w", "x"], ["t"], ["transB": .int(1)])
            graph.node("Transpose", ["t"])
        },
        GraphCase("Conv", ["x": ["N", 3, 8, 8]]) { graph in
            graph.weight("w", [5, 3, 3, 3])
            graph.node("Conv", ["x", "w"])
        },
        GraphCase("ConvTranspose", ["x": ["N", 3, 8, 8]]) { graph in
            graph.weight("w", [3, 5, 3, 3])
            graph.node("ConvTranspose", ["x", "w"])
        },
        GraphCase("BatchNormalization", ["x": ["N", 3, 8]]) { graph in
            for name in ["s", "b", "m", "v"] { graph.weight(name, [3]) }
            graph.node("BatchNormalization", ["x", "s", "b", "m", "v"])
        },
        GraphCase("InstanceNormalization", ["x": ["N", 3, 8]]) { graph in
            for name in ["s", "b"] { graph.weight(name, [3]) }
            graph.node("InstanceNormalization", ["x", "s", "b"])
        },
        GraphCase("LayerNormalization over two dimensions", ["x": ["N", 3, 8]]) { graph in
            graph.weight("s", [3, 8])
            graph.node("LayerNormalization", ["x", "s"], ["y"], ["axis": .int(1)])
        },
        GraphCase("Gather of a table by rows of numbers") { graph in
            graph.input("i", ["N", 3], type: TestGraph.int64)
            graph.weight("table", [10, 5])
            graph.node("Gather", ["table", "i"])
        },
        GraphCase("Gather of one column") { graph in
            graph.ints("i", [-1], isScalar: true)
            graph.node("Gather", ["x", "i"], ["y"], ["axis": .int(1)])
        },
        GraphCase("GatherElements of rows by rows") { graph in
            graph.input("i", ["N", 2], type: TestGraph.int64)
            graph.node("GatherElements", ["x", "i"], ["y"], ["axis": .int(1)])
        },
        GraphCase("GatherND by rows") { graph in
            graph.input("i", ["N", 1], type: TestGraph.int64)
            graph.node("GatherND", ["x", "i"], ["y"], ["batch_dims": .int(1)])
        },
        GraphCase("ScatterElements of rows into rows", ["x": ["N", 4], "u": ["N", 2]]) { graph in
            graph.input("i", ["N", 2], type: TestGraph.int64)
            graph.node("ScatterElements", ["x", "i", "u"], ["y"], ["axis": .int(1)])
        },
        GraphCase("Attention of one tensor", opset: 24, ["x": ["N", 2, 3, 4]]) { graph in
            graph.node("Attention", ["x", "x", "x"])
        },
        GraphCase("OneHot before the last dimension", ["x": ["N", 4]]) { graph in
            graph.ints("depth", [5], isScalar: true)
            graph.weight("values", [2])
            graph.node("OneHot", ["x", "depth", "values"], ["y"], ["axis": .int(1)])
        },
        GraphCase("Resize of images", ["x": ["N", 3, 4, 4]]) { graph in
            graph.reals("scales", [1, 1, 2, 2])
            graph.node("Resize", ["x", "", "scales"])
        },
        GraphCase("GridSample by rows", ["x": ["N", 3, 4, 4], "g": ["N", 2, 2, 2]]) { graph in
            graph.node("GridSample", ["x", "g"])
        },
        GraphCase("QuantizeLinear with one scale") { graph in
            graph.weight("s", [])
            graph.node("QuantizeLinear", ["x", "s"])
        },
        GraphCase("DequantizeLinear with a scale for each column") { graph in
            graph.weight("s", [4])
            graph.node("DequantizeLinear", ["x", "s"], ["y"], ["axis": .int(1)])
        },
        GraphCase("Einsum", ["x": ["N", 3, 4], "z": ["N", 4, 5]]) { graph in
            graph.node("Einsum", ["x", "z"], ["y"], ["equation": .text("bij, bjk -> bik")])
        },
        GraphCase("ReverseSequence", ["x": ["N", 5, 2]]) { graph in
            graph.input("lengths", ["N"], type: TestGraph.int64)
            graph.node(
                "ReverseSequence",
                ["x", "lengths"],
                ["y"],
                ["batch_axis": .int(0), "time_axis": .int(1)]
            )
        },
        GraphCase("LSTM with lengths and states", ["x": ["N", 5, 3], "h": ["N", 4]]) { graph in
            graph.input("lengths", ["N"], type: TestGraph.int64)
            for (name, shape) in [("w", [1, 16, 3]), ("r", [1, 16, 4])] {
                graph.weight(name, shape)
            }
            graph.ints("zero", [0])
            graph.node("Unsqueeze", ["h", "zero"], ["state"])
            graph.node("Transpose", ["x"], ["t"], ["perm": .ints([1, 0, 2])])
            graph.node(
                "LSTM",
                ["t", "w", "r", "", "lengths", "state", "state"],
                ["", "last"],
                ["hidden_size": .int(4)]
            )
            graph.node("Squeeze", ["last", "zero"])
        },
        GraphCase("two inputs side by side", ["x": ["N", 4], "z": ["N", 2]]) { graph in
            graph.node("Concat", ["x", "z"], ["y"], ["axis": .int(-1)])
        },
        GraphCase("what a constant graph makes", opset: 17) { graph in
            graph.weight("w", [2, 4])
            graph.ints("zero", [0], isScalar: true)
            graph.node("Compress", ["w", "w"], ["some"])
            graph.node("Gather", ["w", "zero"], ["row"])
            graph.node("Add", ["x", "row"])
        },
        GraphCase("nodes that no output needs") { graph in
            graph.node("NonZero", ["x"], ["unused"])
            graph.node("Relu")
        },
    ]

    @Test("rows that leave the first dimension must come back to it")
    func transposed() {
        let moved = GraphCase("moved") { $0.node("Transpose") }
        #expect(moved.analysis.reason == "the rows of output 'y' are not its first dimension")
        #expect(!moved.analysis.provesRowCount)
        let back = GraphCase("back") { graph in
            graph.node("Transpose", ["x"], ["t"])
            graph.node("Softmax", ["t"], ["s"], ["axis": .int(0)])
            graph.node("Transpose", ["s"])
        }
        #expect(back.analysis.isProved)
    }
}
