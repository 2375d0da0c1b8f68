import Testing

@testable import Engine

@Suite("Bits of rows in company")
struct PrecisionTests {
    private static func precision(
        _ type: String,
        of element: UInt64 = TestGraph.float,
        _ attributes: [String: TestGraph.Value] = [:],
        shape: [TestGraph.Size] = ["N", 4]
    ) -> RowAnalysis.Precision {
        var graph = TestGraph([:])
        graph.input("x", shape, type: element)
        graph.node(type, ["x"], ["y"], name: "node", attributes)
        return graph.analysis.precision
    }

    private static func place(_ type: String) -> RowAnalysis.Precision {
        .dependsOnPlace(
            reason: "node 'node' (\(type)): its bits may depend on the place of the row"
        )
    }

    @Test(
        "vector kernels with a tail of their own depend on the place",
        arguments: [
            "Elu", "Selu", "Celu", "Softplus", "Sin", "Cos", "Mish", "Log", "Asin", "Acos", "Atan",
        ]
    )
    func tails(type: String) {
        #expect(Self.precision(type) == Self.place(type))
    }

    @Test("conversions of floats to wide unsigned integers do, others do not")
    func conversions() {
        for (to, isExact) in [
            (OnnxType.uint32, false), (OnnxType.uint64, false), (OnnxType.int32, true),
            (OnnxType.int64, true), (OnnxType.double, true), (OnnxType.bool, true),
        ] {
            let cast = Self.precision("Cast", ["to": .int(Int64(to))])
            #expect(cast == (isExact ? .exact : Self.place("Cast")))
        }
        let integers = ["to": TestGraph.Value.int(Int64(OnnxType.uint32))]
        #expect(Self.precision("Cast", of: UInt64(OnnxType.int64), integers) == .exact)
    }

    @Test("functions of FP64 do", arguments: ["Exp", "Sigmoid", "Tanh", "Softmax", "LogSoftmax"])
    func wide(type: String) {
        #expect(Self.precision(type) == .exact)
        #expect(Self.precision(type, of: TestGraph.double) == Self.place(type))
    }

    @Test("whole numbers and text are exact", arguments: ["Sign", "Abs", "Identity", "Neg"])
    func integers(type: String) {
        #expect(Self.precision(type, of: TestGraph.int64) == .exact)
    }

    @Test("sums along contiguous elements depend on the address of the row")
    func sums() {
        let last: [String: TestGraph.Value] = ["axes": .ints([-1])]
        #expect(Self.precision("ReduceMean", last) == Self.place("ReduceMean"))
        #expect(Self.precision("ReduceMax", last) == Self.place("ReduceMax"))
        #expect(Self.precision("ReduceMean", of: TestGraph.int64, last) == .exact)
        let middle: [String: TestGraph.Value] = ["axes": .ints([1])]
        guard case .dependsOnRowCount = Self.precision("ReduceMean", middle, shape: ["N", 4, 6])
        else { return #expect(Bool(false)) }
    }

    @Test("an extreme depends on the place unless rows fill whole registers")
    func extremes() {
        let middle: [String: TestGraph.Value] = ["axes": .ints([1])]
        #expect(Self.precision("ReduceMax", middle, shape: ["N", 4, 6]) == Self.place("ReduceMax"))
        guard case .dependsOnRowCount = Self.precision("ReduceMax", middle, shape: ["N", 4, 2, 16])
        else { return #expect(Bool(false)) }
    }

    @Test(
        "Max of one tensor and constants is exact unless these are zeros or unknown",
        arguments: [([1], true), ([6, -6], true), ([0], false), ([-0.0], false), ([.nan], false)]
            as [([Float], Bool)]
    )
    func maximum(constant: [Float], isExact: Bool) {
        let graph = GraphCase("", ["x": ["N", 2]]) { graph in
            graph.reals("c", constant)
            graph.node("Max", ["x", "c"])
        }
        #expect((graph.analysis.precision == .exact) == isExact)
        let rows = GraphCase("", ["x": ["N", 2], "z": ["N", 2]]) { $0.node("Max", ["x", "z"]) }
        #expect(rows.analysis.precision != .exact)
    }

    @Test("a product with a constant may depend on the number of rows")
    func products() {
        let graph = GraphCase("MatMul") { graph in
            graph.weight("w", [4, 3])
            graph.node("MatMul", ["x", "w"], name: "product")
        }
        #expect(
            graph.analysis.precision
                == .dependsOnRowCount(
                    reason: "node 'product' (MatMul): its bits may depend on the number of rows"
                )
        )
    }

    @Test("a product for each row by itself does not")
    func batchedProducts() {
        let inputs: [String: [TestGraph.Size]] = ["x": ["N", 3, 4], "z": ["N", 4, 5]]
        #expect(
            GraphCase("", inputs) { $0.node("MatMul", ["x", "z"]) }.analysis.precision == .exact
        )
        let left = GraphCase("", ["x": ["N", 4, 5]]) { graph in
            graph.weight("w", [1, 4])
            graph.node("MatMul", ["w", "x"])
        }
        #expect(left.analysis.precision == .exact)
    }

    @Test("the strongest effect counts, and constants have none")
    func strongest() {
        let graph = GraphCase("") { graph in
            graph.weight("w", [4, 4])
            graph.node("Sin", ["w"], ["s"])
            graph.node("MatMul", ["x", "s"], ["m"])
            graph.node("Elu", ["m"], ["e"], name: "last")
            graph.node("Relu", ["e"])
        }
        #expect(
            graph.analysis.precision
                == .dependsOnPlace(
                    reason: "node 'last' (Elu): its bits may depend on the place of the row"
                )
        )
    }

    /// A layer normalisation in single nodes, with one of them changed.
    private static func normalization(
        power: Float = 2,
        axis: Int64 = -1,
        type: UInt64 = TestGraph.float,
        root: String = "Sqrt",
        outputs: [String] = ["y"],
        bias: [Int] = [4]
    ) -> RowAnalysis {
        var graph = TestGraph([:], outputs: outputs)
        graph.input("x", ["N", 3, 4], type: type)
        graph.reals("two", [power])
        graph.reals("epsilon", [1e-5])
        graph.weight("scale", [4], type: type)
        graph.weight("bias", bias, type: type)
        graph.node("ReduceMean", ["x"], ["mean"], ["axes": .ints([axis])])
        graph.node("Sub", ["x", "mean"], ["d"])
        graph.node("Pow", ["d", "two"], ["square"])
        graph.node("ReduceMean", ["square"], ["variance"], ["axes": .ints([axis])])
        graph.node("Add", ["variance", "epsilon"], ["sum"])
        graph.node(root, ["sum"], ["root"])
        graph.node("Div", ["d", "root"], ["n"])
        graph.node("Mul", ["n", "scale"], ["s"])
        graph.node("Add", ["s", "bias"])
        return graph.analysis
    }

    @Test("the means of a layer normalisation that the runtime fuses are compared")
    func fused() {
        let fused = Self.normalization()
        #expect(fused.isProved)
        if case .dependsOnPlace(let reason) = fused.precision { Issue.record("\(reason)") }
        let others = [
            Self.normalization(power: 3), Self.normalization(axis: 2),
            Self.normalization(type: TestGraph.double), Self.normalization(root: "Abs"),
            Self.normalization(outputs: ["y", "variance"]), Self.normalization(bias: [1, 4]),
        ]
        for other in others {
            guard case .dependsOnPlace = other.precision else {
                Issue.record("\(other.precision)")
                continue
            }
        }
    }

    @Test("an operator of unknown element type counts as the worst of its types")
    func unknownType() {
        var graph = TestGraph([:])
        graph.input("x", ["N", 4], type: 0)
        graph.node("Exp")
        guard case .dependsOnPlace = graph.analysis.precision else { return #expect(Bool(false)) }
    }
}

@Suite("Random operators")
struct RandomOperatorTests {
    @Test(
        "those without a seed are found",
        arguments: ["RandomNormalLike", "RandomUniformLike", "Multinomial", "Bernoulli"]
    )
    func seeds(type: String) {
        let graph = GraphCase.node(type).analysis
        #expect(graph.randomNode == "the node of 'y' (\(type))")
        #expect(!graph.isProved)
        let seeded = GraphCase.node(type, ["seed": .real(1)]).analysis
        #expect(seeded.randomNode == nil)
        #expect(!seeded.isProved)
    }

    @Test("those without inputs too", arguments: ["RandomNormal", "RandomUniform"])
    func sources(type: String) {
        var graph = TestGraph()
        graph.node(type, [], ["noise"], name: "noise", ["shape": .ints([4])])
        graph.node("Add", ["x", "noise"])
        #expect(graph.analysis.randomNode == "node 'noise' (\(type))")
        #expect(graph.analysis.reason == "node 'noise' (\(type)): it draws random numbers")
    }

    @Test("Dropout is random in training mode only", arguments: [nil, 0, 1] as [Int64?])
    func dropout(mode: Int64?) {
        var graph = TestGraph()
        graph.weight("ratio", [])
        if let mode { graph.ints("mode", [mode], isScalar: true) }
        graph.node("Dropout", ["x", "ratio"] + (mode == nil ? [] : ["mode"]))
        #expect((graph.analysis.randomNode != nil) == (mode == 1))
        #expect(graph.analysis.isProved == (mode != 1))
    }

    @Test("one that no output needs does not count")
    func unused() {
        var graph = TestGraph()
        graph.node("RandomNormalLike", ["x"], ["noise"])
        graph.node("Relu")
        #expect(graph.analysis.randomNode == nil)
        #expect(graph.analysis.isProved)
    }
}
