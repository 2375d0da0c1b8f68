import Testing

@testable import Engine

@Suite("Operators that mix rows")
struct MixedRowsTests {
    @Test("mixing keeps the number of rows, and the reason names the operator", arguments: mixed)
    func mixing(_ graph: GraphCase) {
        let analysis = graph.analysis
        #expect(!analysis.isProved && analysis.provesRowCount)
        #expect(analysis.reason.hasPrefix("the node of 'y' ("))
        #expect(analysis.reason.contains(graph.reason))
    }

    private static let mixed: [GraphCase] = [
        .node("Softmax", ["axis": .int(0)], reason: "across"),
        .node("Softmax", ["axis": .int(-3)], reason: "across"),
        .node("Softmax", ["axis": .int(0)], opset: 11, reason: "across"),
        .node("Softmax", shape: ["N"], reason: "across"),
        .node("CumSum", ints: [0], reason: "across"),
        .node("LpNormalization", ["axis": .int(0)], reason: "across"),
        .node("MeanVarianceNormalization", shape: ["N", 3, 4, 4], reason: "across"),
    ]

    @Test("what gives another number of rows is refused, with the operator", arguments: counts)
    func lost(_ graph: GraphCase) {
        let analysis = graph.analysis
        #expect(!analysis.isProved && !analysis.provesRowCount)
        #expect(analysis.reason.contains(graph.reason), "\(analysis.reason)")
    }

    private static let counts: [GraphCase] = [
        .node("ReduceSum", reason: "reduces over the rows"),
        .node("ReduceSum", ints: [0], reason: "reduces over the rows"),
        .node("ReduceMean", ["axes": .ints([-3])], reason: "reduces over the rows"),
        .node("ReduceMax", ["keepdims": .int(0)], reason: "reduces over the rows"),
        .node("ArgMax", reason: "reduces over the rows"),
        .node("TopK", ["axis": .int(0)], ints: [2], reason: "sorts across the rows"),
        .node("Split", reason: "splits the rows"),
        .node("Slice", ["starts": .ints([1]), "ends": .ints([3])], opset: 9, reason: "cuts out"),
        .node("Slice", ["starts": .ints([0]), "ends": .ints([8])], opset: 9, reason: "cuts out"),
        .node("Slice", ["starts": .ints([0]), "ends": .ints([-1])], opset: 9, reason: "cuts out"),
        .node("Tile", ints: [2, 1, 1], reason: "repeats the rows"),
        .node("Pad", ints: [0, 0, 0, 1, 0, 0], reason: "pads the rows"),
        .node("Expand", ints: [3, 4, 6], reason: "meets the rows"),
        .node("Squeeze", reason: "removes whichever"),
        .node("Squeeze", ints: [0], reason: "removes the dimension of the rows"),
        .node("Flatten", ["axis": .int(0)], reason: "not its first dimension"),
        .node("Reshape", shape: ["N", 4], ints: [-1], reason: "not its first"),
        .node("Reshape", ints: [2, -1], reason: "does not keep the rows apart"),
        .node("Reshape", ints: [1, 4, 6], reason: "does not keep the rows apart"),
        .node("Reshape", ints: [-1, 5], reason: "does not keep the rows apart"),
        .node("Compress", ints: [1], reason: "number of rows that depends on values"),
        .node("NonZero", reason: "number of rows that depends on values"),
        .node("Unique", reason: "number of rows that depends on values"),
        .node("NonMaxSuppression", reason: "number of rows that depends on values"),
        .node("DynamicQuantizeLinear", reason: "scale from the whole tensor"),
        .node("If", ["then_branch": .graph], reason: "runs a part of the graph"),
        .node("Loop", ["body": .graph], reason: "runs a part of the graph"),
        .node("Scan", ["body": .graph], reason: "runs a part of the graph"),
        .node("Relu", ["body": .graph], reason: "is not an operator that the analysis knows"),
        .node("RandomNormalLike", reason: "draws random numbers"),
        .node("Shape", reason: "gives the number of rows as a value"),
        .node("Size", reason: "gives the number of rows as a value"),
        .node("Magic", reason: "(Magic): it is not an operator that the analysis knows"),
        .node("Relu", domain: "some.where", reason: "its domain 'some.where' is not imported"),
        .node("MaxUnpool", ints: [0], reason: "counts places from the first row"),
        .node("Transpose", ["perm": .ints([0, 0, 1])], reason: "no permutation"),
        .node("Softmax", ["axis": .int(3)], reason: "names dimension 3"),
        .node("Softmax", ["axis": .int(Int64.min)], reason: "names dimension"),
    ]

    @Test("operators with constants that lie along the rows are refused", arguments: alongRows)
    func constants(_ graph: GraphCase) {
        #expect(!graph.analysis.isProved)
        #expect(graph.analysis.reason.contains(graph.reason), "\(graph.analysis.reason)")
    }

    private static let alongRows: [GraphCase] = [
        GraphCase(
            "Add of a constant as long as a batch",
            ["x": ["N", 4]],
            reason: "meets the rows"
        ) {
            $0.weight("c", [3, 4])
            $0.node("Add", ["x", "c"])
        },
        GraphCase(
            "Add of rows and columns",
            ["x": ["N"], "z": ["N", 4]],
            reason: "different dimensions"
        ) {
            $0.node("Add", ["x", "z"])
        },
        GraphCase("Where by a mask of another length", reason: "meets the rows") { graph in
            graph.weight("c", [2, 1])
            graph.node("Where", ["c", "x", "x"])
        },
        GraphCase("MatMul over the rows", reason: "sums over the rows") { graph in
            graph.weight("w", [3, 4])
            graph.node("Transpose", ["x"], ["t"])
            graph.node("MatMul", ["t", "w"])
        },
        GraphCase("MatMul of rows by rows", reason: "different dimensions") { graph in
            graph.node("Transpose", ["x"], ["t"])
            graph.node("MatMul", ["x", "t"])
        },
        GraphCase("Gemm with a bias for each row", reason: "meets the rows") { graph in
            graph.weight("w", [4, 3])
            graph.weight("b", [2, 3])
            graph.node("Gemm", ["x", "w", "b"])
        },
        GraphCase("Conv with kernels of the rows", ["x": ["N", 3, 3, 3]], reason: "from the rows") {
            $0.node("Conv", ["x", "x"])
        },
        GraphCase("BatchNormalization in training", ["x": ["N", 3, 8]], reason: "training mode") {
            graph in
            for name in ["s", "b", "m", "v"] { graph.weight(name, [3]) }
            graph.node(
                "BatchNormalization",
                ["x", "s", "b", "m", "v"],
                ["y", "mean", "variance"],
                ["training_mode": .int(1)]
            )
        },
        GraphCase("BatchNormalization with the rows as channels", reason: "for channels") { graph in
            for name in ["s", "b", "m", "v"] { graph.weight(name, [3]) }
            graph.node("Transpose", ["x"], ["t"])
            graph.node("BatchNormalization", ["t", "s", "b", "m", "v"], ["z"])
            graph.node("Transpose", ["z"])
        },
        GraphCase("LayerNormalization over the rows", reason: "normalises the rows") { graph in
            graph.weight("s", [4])
            graph.node("LayerNormalization", ["x", "s"], ["y"], ["axis": .int(0)])
        },
        GraphCase("Concat of the rows with themselves", reason: "joins along the rows") { graph in
            graph.node("Concat", ["x", "x"], ["y"], ["axis": .int(0)])
        },
        GraphCase("Gather of rows by constants", reason: "picks rows by their index") { graph in
            graph.ints("i", [0, 1])
            graph.node("Gather", ["x", "i"])
        },
        GraphCase("Gather of rows by rows", reason: "looks rows up in rows") { graph in
            graph.input("i", ["N"], type: TestGraph.int64)
            graph.node("Gather", ["x", "i"])
        },
        GraphCase("GatherElements of rows by constants", reason: "picks rows") { graph in
            graph.ints("i", [0, 1])
            graph.node("GatherElements", ["x", "i"], ["y"], ["axis": .int(1)])
        },
        GraphCase("GatherND over the rows", reason: "picks elements of other rows") { graph in
            graph.input("i", ["N", 1], type: TestGraph.int64)
            graph.node("GatherND", ["x", "i"])
        },
        GraphCase("ScatterND", reason: "writes to rows by their index") { graph in
            graph.ints("i", [0])
            graph.node("ScatterND", ["x", "i", "x"])
        },
        GraphCase("Concat of a constant row", reason: "joins tensors") { graph in
            graph.weight("c", [1, 4])
            graph.node("Concat", ["x", "c"], ["y"], ["axis": .int(1)])
        },
        GraphCase("Resize of the rows", ["x": ["N", 3, 4, 4]], reason: "resizes the rows") {
            graph in
            graph.reals("scales", [2, 1, 2, 2])
            graph.node("Resize", ["x", "", "scales"])
        },
        GraphCase("a scale for each row", reason: "scales along the rows") { graph in
            graph.weight("s", [4])
            graph.node("QuantizeLinear", ["x", "s"], ["y"], ["axis": .int(0)])
        },
        GraphCase("LSTM with time first", ["x": ["N", 5, 3]], reason: "another dimension") {
            graph in
            graph.weight("w", [1, 16, 3])
            graph.weight("r", [1, 16, 4])
            graph.node("LSTM", ["x", "w", "r"], ["y"], ["hidden_size": .int(4)])
        },
        GraphCase("Einsum over the rows", reason: "sums over the rows") { graph in
            graph.node("Einsum", ["x"], ["y"], ["equation": .text("ij->j")])
        },
        GraphCase("Einsum of rows with all rows", reason: "different dimensions") { graph in
            graph.node("Einsum", ["x", "x"], ["y"], ["equation": .text("ik,jk->ij")])
        },
        GraphCase("Dropout in training", reason: "drops values at random") { graph in
            graph.weight("ratio", [])
            graph.weight("training", [], type: 9)
            graph.node("Dropout", ["x", "ratio", "training"])
        },
        GraphCase("numbers of rows as data", reason: "numbers the rows") { graph in
            graph.ints("zero", [0], isScalar: true)
            graph.ints("one", [1], isScalar: true)
            graph.node("Shape", ["x"], ["shape"])
            graph.node("Gather", ["shape", "zero"], ["rows"])
            graph.node("Range", ["zero", "rows", "one"], ["places"])
            graph.node("Cast", ["places"], ["reals"], ["to": .int(1)])
            graph.node("Unsqueeze", ["reals", "list"], ["column"])
            graph.ints("list", [1])
            graph.node("Add", ["x", "column"])
        },
        GraphCase("the number of rows as a divisor", reason: "(Shape): it gives the number") {
            graph in
            graph.ints("zero", [0], isScalar: true)
            graph.node("Shape", ["x"], ["shape"])
            graph.node("Gather", ["shape", "zero"], ["rows"])
            graph.node("Cast", ["rows"], ["divisor"], ["to": .int(1)])
            graph.node("Div", ["x", "divisor"])
        },
        GraphCase("a mean over the rows, taken off each", reason: "(ReduceMean): it reduces") {
            graph in
            graph.node("ReduceMean", ["x"], ["mean"], ["axes": .ints([0])])
            graph.node("Sub", ["x", "mean"])
        },
        GraphCase("everything cut to the longest row", ["x": ["N", "T"]], reason: "(ReduceMax)") {
            graph in
            graph.ints("zero", [0])
            graph.ints("one", [1])
            graph.node("ReduceSum", ["x", "one"], ["lengths"], ["keepdims": .int(0)])
            graph.node("ReduceMax", ["lengths"], ["longest"], ["keepdims": .int(0)])
            graph.node("Unsqueeze", ["longest", "zero"], ["end"])
            graph.node("Slice", ["x", "zero", "end", "one"])
        },
        GraphCase("rows folded behind another dimension", reason: "does not keep") { graph in
            graph.ints("flat", [-1])
            graph.ints("wide", [4, -1])
            graph.node("Reshape", ["x", "flat"], ["f"])
            graph.node("Reshape", ["f", "wide"], ["w"])
            graph.node("Transpose", ["w"])
        },
        GraphCase("stop words", ["x": ["N"]], reason: "stop words") { graph in
            graph.node("StringNormalizer", ["x"], ["y"], ["stopwords": .texts(["the"])])
        },
        GraphCase("the places of a MaxPool", ["x": ["N", 2, 4, 4]], reason: "from the first row") {
            $0.node("MaxPool", ["x"], ["z", "y"], ["kernel_shape": .ints([2, 2])])
        },
    ]

    @Test("a node is named by its name, escaped and cut")
    func names() {
        var graph = TestGraph()
        graph.node("NonZero", name: "de\ntect" + String(repeating: "x", count: 100))
        let reason = graph.analysis.reason
        #expect(reason.hasPrefix("node 'de\\ntect"))
        #expect(reason.contains("...' (NonZero): it gives"))
        #expect(!reason.contains("\n"))
    }
}
