import Testing

@testable import Engine

@Suite("Graphs that two readers could read differently")
struct AmbiguousGraphTests {
    private static func normalised(_ axis: TestGraph.Value) -> RowAnalysis {
        var graph = TestGraph()
        graph.node("LpNormalization", ["x"], ["y"], name: "norm", ["axis": axis])
        return graph.analysis
    }

    @Test("an attribute whose value is left out has the value zero")
    func omittedValue() {
        #expect(Self.normalised(.int(1)).isProved)
        #expect(!Self.normalised(.int(0)).isProved)
        // A list of none encodes no value at all.
        #expect(!Self.normalised(.ints([])).isProved)
    }

    @Test("Squeeze of no axes removes all dimensions of 1", arguments: [11, 17] as [UInt64])
    func squeeze(opset: UInt64) {
        var graph = TestGraph(opset: opset, ["x": ["N", 1, 4]])
        graph.ints("none", [])
        if opset < 13 {
            graph.node("Squeeze", ["x"], ["s"], ["axes": .ints([])])
        } else {
            graph.node("Squeeze", ["x", "none"], ["s"])
        }
        graph.ints("axis", [0], isScalar: true)
        graph.node("CumSum", ["s", "axis"], ["y"], name: "sum")
        #expect(!graph.analysis.isProved)
    }

    @Test("Resize of no axes resizes all dimensions")
    func resize() {
        var graph = TestGraph(opset: 18, ["x": ["N", 4]])
        graph.reals("scales", [2, 1])
        graph.node("Resize", ["x", "", "scales"], ["y"], name: "scale", ["axes": .ints([])])
        #expect(graph.analysis.reason.contains("'scale' (Resize)"))
    }

    @Test("two initializers of one name are not proved")
    func repeatedInitializer() {
        var graph = TestGraph()
        graph.ints("axis", [1], isScalar: true)
        graph.raw(
            Proto.field(15, Proto.field(1, TestGraph.tensor("axis", [0], shape: [1])))
        )
        graph.node("CumSum", ["x", "axis"], ["y"])
        #expect(graph.analysis.reason.contains("two initializers of one name"))
    }

    @Test("a name that is not UTF-8 text is not proved")
    func names() {
        var graph = TestGraph()
        graph.raw(
            Proto.field(
                1,
                Proto.field(1, [0x61, 0xFE]) + Proto.field(2, "y") + Proto.field(4, "Relu")
            )
        )
        #expect(graph.analysis.reason.contains("not UTF-8"))
    }

    @Test("an input whose type is stated in pieces is not proved")
    func typeInPieces() {
        let shape = Proto.field(2, Proto.field(1, Proto.field(2, "N")))
        let tensor = Proto.field(1, Proto.number(1, TestGraph.float) + shape)
        for type in [
            Proto.field(2, tensor + tensor), Proto.field(2, tensor) + Proto.field(2, tensor),
        ] {
            var graph = TestGraph([:])
            graph.raw(Proto.field(11, Proto.field(1, "x") + type))
            graph.node("Relu")
            #expect(graph.analysis.reason.contains("more than once"))
        }
    }

    @Test("an operator of a domain that is not imported is not proved")
    func missingImport() {
        var graph = TestGraph()
        graph.node("Relu", domain: "com.example")
        #expect(graph.analysis.reason.contains("'com.example'"))
    }

    @Test("a BOOL constant is 0 or 1, whatever its byte is")
    func bools() {
        var graph = TestGraph()
        let bool = UInt64(OnnxType.bool)
        graph.raw(
            Proto.field(
                5,
                Proto.number(2, bool) + Proto.field(8, "two") + Proto.field(9, [UInt8(2)])
            )
        )
        graph.ints("one", [1], isScalar: true)
        graph.node("Cast", ["two"], ["n"], ["to": .int(7)])
        graph.node("Sub", ["n", "one"], ["axis"])
        graph.node("CumSum", ["x", "axis"], ["y"])
        #expect(!graph.analysis.isProved)
    }

    @Test("an SVM with a score for each pair of classes has no known number of columns")
    func pairs() {
        var graph = TestGraph()
        let labels = TestGraph.Value.ints([0, 1, 2, 3, 4])
        graph.node(
            "SVMClassifier",
            ["x"],
            ["label", "scores"],
            domain: "ai.onnx.ml",
            ["classlabels_ints": labels]
        )
        graph.ints("shape", [5, -1])
        graph.node("Transpose", ["scores"], ["t"], ["perm": .ints([1, 0])])
        graph.node("Reshape", ["t", "shape"], ["r"])
        graph.node("Transpose", ["r"], ["y"], ["perm": .ints([1, 0])])
        #expect(!graph.analysis.isProved)
    }
}
