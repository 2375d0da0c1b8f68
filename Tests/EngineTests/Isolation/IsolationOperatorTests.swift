import Testing

@testable import Engine

@Suite("The verdict on operators")
struct IsolationOperatorTests {
    private static let row: [String: [TestGraph.Size]] = ["x": ["N", 4]]
    private static let pair: [String: [TestGraph.Size]] = ["x": ["N", 4], "z": ["M", 4]]

    @Test(
        "reviewed operators of proved sizes are safe",
        arguments: [
            "Relu", "Exp", "Sin", "Softmax", "Identity", "Neg", "Sign", "IsNaN", "Floor", "Gelu",
            "ReduceMean", "ReduceMax", "ArgMax", "Transpose", "Flatten", "Erf", "NonZero",
            "Hardmax", "Sum", "Mean", "Max", "Shape", "Size",
        ]
    )
    func safe(type: String) {
        #expect(GraphCase.node(type, opset: 20).isolation() == .safe)
    }

    @Test(
        "operators that are not reviewed, or whose time or memory values decide, need a host",
        arguments: [
            ("NonMaxSuppression", "", "the square of the number of boxes"),
            ("RegexFullMatch", "", "a text of a request"), ("StringSplit", "", "a text"),
            ("TfIdfVectorizer", "", "a text"), ("Unique", "", "ends the process"),
            ("STFT", "", "divides integers by 0"), ("DFT", "", "size of its output"),
            ("RoiAlign", "", "decide its time"), ("GridSample", "", "are places"),
            ("MaxUnpool", "", "are places"), ("Einsum", "", "grow faster"),
            ("Attention", "", "grow faster"), ("RandomNormalLike", "", "random numbers"),
            ("Bernoulli", "", "random numbers"), ("EyeLike", "", "not reviewed"),
            ("SequenceConstruct", "", "no tensors"), ("Col2Im", "", "size of its output"),
            ("TreeEnsemble", "ai.onnx.ml", "trusts its attributes"),
            ("SVMClassifier", "ai.onnx.ml", "trusts its attributes"),
            ("ZipMap", "ai.onnx.ml", "no tensors"),
            ("Tokenizer", "com.microsoft", "a text of a request"),
            ("MultiHeadAttention", "com.microsoft", "the square of a length"),
            ("BeamSearch", "com.microsoft", "how often"),
            ("MatMulNBits", "com.microsoft", "trusts the shapes"),
            ("Quux", "", "not an operator whose kernel is reviewed"),
            ("Relu", "com.microsoft", "not an operator whose kernel is reviewed"),
        ]
    )
    func host(type: String, domain: String, why: String) {
        let verdict = GraphCase.node(type, opset: 20, domain: domain).isolation()
        #expect(verdict.text.contains(why), "\(verdict)")
        #expect(verdict.text.hasSuffix("the node of 'y' (\(type))"), "\(verdict)")
    }

    @Test("an operator with a part of the graph needs a host", arguments: ["Loop", "If", "Scan"])
    func subgraphs(type: String) {
        let verdict = GraphCase.node(type, ["body": .graph]).isolation()
        #expect(verdict.text.contains("how often a part of the graph runs"))
        // An attribute that the operator does not have holds a graph all the same.
        #expect(
            GraphCase.node("Relu", ["body": .graph]).isolation().text.contains("it runs a part")
        )
    }

    @Test("a node that no output needs counts, since the runtime runs it")
    func unneeded() {
        var graph = TestGraph()
        graph.node("Quux", ["x"], ["unused"], name: "dead")
        graph.node("Relu")
        #expect(graph.isolation.text.contains("node 'dead' (Quux)"))
    }

    @Test("the first reason in the order of the nodes counts")
    func first() {
        var graph = TestGraph()
        graph.node("Relu", ["x"], ["a"])
        graph.node("First", ["a"], ["b"], name: "one")
        graph.node("Second", ["b"], name: "two")
        #expect(graph.isolation.text.hasSuffix("node 'one' (First)"))
    }

    // MARK: Integers

    private static func division(
        _ type: String,
        by divisors: [Int64]?,
        _ attributes: [String: TestGraph.Value] = [:],
        elements: UInt64 = TestGraph.int64
    ) -> IsolationVerdict {
        var graph = TestGraph([:])
        graph.input("x", ["N", 4], type: elements)
        if let divisors {
            graph.ints("d", divisors)
        } else {
            graph.input("d", [4], type: elements)
        }
        graph.node(type, ["x", "d"], ["y"], attributes)
        return graph.isolation
    }

    @Test(
        "integers are divided in the server by constants other than 0 and -1",
        arguments: ["Div", "Mod"]
    )
    func divisors(type: String) {
        #expect(Self.division(type, by: [1]) == .safe)
        #expect(Self.division(type, by: [3, -2, 7, .min]) == .safe)
        for divisors: [Int64]? in [[0], [-1], [1, 2, -1, 3], [2, 2, 2, 0], nil] {
            let text = Self.division(type, by: divisors).text
            #expect(text.contains("the divisor of its integers may be 0 or -1"))
        }
        // More elements than are kept may hold anything.
        let many = [Int64](repeating: 2, count: GraphLimits.maxKeptValues + 1)
        #expect(Self.division(type, by: many).text.contains("may be 0 or -1"))
    }

    @Test("floats are divided by anything")
    func floats() {
        #expect(Self.division("Div", by: nil, elements: TestGraph.float) == .safe)
        #expect(
            Self.division("Mod", by: nil, ["fmod": .int(1)], elements: TestGraph.float) == .safe
        )
    }

    @Test("a constant that a request may replace is no constant divisor")
    func replaceable() {
        var graph = TestGraph([:])
        graph.input("x", ["N", 4], type: TestGraph.int64)
        graph.ints("d", [2])
        graph.input("d", [1], type: TestGraph.int64)
        graph.node("Div", ["x", "d"])
        #expect(graph.isolation.text.contains("may be 0 or -1"))
    }

    @Test("a divisor of a Constant node, and a fixed size of a request, are constants")
    func computedDivisors() {
        var graph = TestGraph([:])
        graph.input("x", ["N", 4], type: TestGraph.int64)
        graph.node("Constant", [], ["d"], ["value_ints": .ints([2, 3, 4, 5])])
        graph.node("Div", ["x", "d"], ["q"])
        graph.node("Shape", ["x"], ["s"], ["start": .int(1)])
        graph.node("Div", ["q", "s"])
        #expect(graph.isolation == .safe)
        var free = TestGraph([:])
        free.input("x", ["N", 4], type: TestGraph.int64)
        free.node("Shape", ["x"], ["s"], ["end": .int(1)])
        free.node("Div", ["x", "s"])
        #expect(free.isolation.text.contains("may be 0 or -1"))
    }

    // MARK: Conditions

    @Test("TopK sorts at most 16 numbers with NaN among them")
    func topK() {
        func verdict(_ count: Int64) -> IsolationVerdict {
            GraphCase("", ["x": ["N", 64]]) { graph in
                graph.ints("k", [count])
                graph.node("TopK", ["x", "k"], ["y", "i"])
            }.isolation()
        }
        #expect(verdict(16) == .safe)
        #expect(verdict(17).text.contains("more than 16 elements"))
    }

    @Test("a constant part of the graph that draws random numbers needs a host")
    func random() {
        func verdict(training: Int64) -> IsolationVerdict {
            GraphCase("") { graph in
                graph.reals("c", [1, 2, 3])
                graph.reals("ratio", [0.5])
                graph.raw(Proto.field(5, TestGraph.tensor("mode", [training], shape: [])))
                graph.node("Dropout", ["c", "ratio", "mode"], ["d"])
                graph.node("Cast", ["d"], ["n"], ["to": .int(7)])
                graph.node("ConstantOfShape", ["n"], ["big"])
                graph.node("Relu")
            }.isolation()
        }
        #expect(verdict(training: 1).text.contains("it may draw random numbers"))
        #expect(verdict(training: 0) == .safe)
        let drawn = GraphCase("") { graph in
            graph.node("RandomUniform", [], ["r"], ["shape": .ints([1])])
            graph.node("Relu")
        }
        #expect(drawn.isolation().text.contains("draws random numbers"))
    }

    @Test("a recurrent layer needs a fixed number of rows, since none ends the process")
    func recurrent() {
        func verdict(_ rows: TestGraph.Size, _ type: String) -> IsolationVerdict {
            GraphCase("", ["x": [5, rows, 4]]) { graph in
                graph.weight("w", [1, 12, 4])
                graph.weight("r", [1, 12, 3])
                graph.node(type, ["x", "w", "r"], ["y"], ["hidden_size": .int(3)])
            }.isolation()
        }
        for type in ["LSTM", "GRU", "RNN"] {
            #expect(verdict(1, type) == .safe)
            #expect(verdict("N", type).text.contains("without elements, which ends the process"))
            #expect(verdict(0, type).text.contains("without elements"))
        }
    }

    @Test("a convolution needs weights of fixed sizes other than 0")
    func convolutions() {
        func verdict(_ weights: [Int], _ inputs: [String: [TestGraph.Size]]) -> IsolationVerdict {
            GraphCase("", inputs) { graph in
                if inputs["w"] == nil { graph.weight("w", weights) }
                graph.node("Conv", ["x", "w"], ["y"], ["pads": .ints([1, 1, 1, 1])])
            }.isolation()
        }
        #expect(verdict([8, 3, 3, 3], ["x": ["N", 3, "H", "W"]]) == .safe)
        #expect(verdict([8, 3, 0, 3], ["x": ["N", 3, 8, 8]]).text.contains("free or 0"))
        let free: [String: [TestGraph.Size]] = ["x": ["N", 3, 8, 8], "w": [8, 3, "K", 3]]
        #expect(verdict([], free).text.contains("free or 0"))
    }

    @Test("two matrices of a request need a fixed inner size")
    func products() {
        func verdict(_ inner: TestGraph.Size) -> IsolationVerdict {
            GraphCase("", ["x": [4, inner], "z": [inner, 4]]) { graph in
                graph.node("MatMul", ["x", "z"])
            }.isolation()
        }
        #expect(verdict(8) == .safe)
        #expect(verdict("K").text.contains("whose inner size is free"))
    }

    @Test("texts of a request are copied at most once")
    func texts() {
        func verdict(_ build: @escaping @Sendable (inout TestGraph) -> Void) -> IsolationVerdict {
            var graph = TestGraph([:])
            graph.input("x", ["N", 2], type: TestGraph.string)
            graph.ints("first", [0])
            graph.ints("twice", [1, 1])
            build(&graph)
            return graph.isolation
        }
        #expect(verdict { $0.node("Gather", ["x", "first"], ["y"], ["axis": .int(1)]) } == .safe)
        let join = { (names: [String]) in
            verdict { graph in
                graph.input("z", ["N", 2], type: TestGraph.string)
                graph.node("Identity", ["x"], ["copy"])
                graph.node("Concat", names, ["y"], ["axis": .int(1)])
            }
        }
        #expect(join(["x", "z"]) == .safe)
        #expect(join(["copy"]) == .safe)
        for names in [["x", "x"], ["x", "copy"], ["x", "z", "x"]] {
            #expect(join(names).text.contains("may repeat a text of a request"))
        }
        let repeated = verdict { $0.node("Gather", ["x", "twice"], ["y"], ["axis": .int(1)]) }
        #expect(repeated.text.contains("may repeat a text of a request"))
        #expect(verdict { $0.node("Tile", ["x", "twice"]) }.text.contains("may repeat a text"))
    }

    @Test("words without elements become one, so their number is not that of the request")
    func words() {
        var graph = TestGraph([:])
        graph.input("x", ["N"], type: TestGraph.string)
        graph.node("StringNormalizer", ["x"], ["w"])
        graph.node("Shape", ["x"], ["before"])
        graph.node("Shape", ["w"], ["after"])
        graph.node("Sub", ["after", "before"], ["added"])
        graph.node("ConstantOfShape", ["added"])
        #expect(graph.isolation.text.contains("values of a request decide the size"))
    }

    @Test("the longest text of a model counts for each element")
    func modelTexts() {
        func verdict(_ length: Int) -> IsolationVerdict {
            var graph = TestGraph([:])
            graph.input("x", ["N"], type: TestGraph.int64)
            graph.node(
                "LabelEncoder",
                domain: "ai.onnx.ml",
                [
                    "keys_int64s": .ints([1]),
                    "values_strings": .texts([String(repeating: "a", count: length)]),
                ]
            )
            return graph.isolation
        }
        // 64 times the 8 bytes of an element, and 32 bytes of an element in the runtime.
        #expect(verdict(480) == .safe)
        #expect(verdict(481).text.contains("more than 64 times the bytes of a request"))
    }

    @Test("a linear model has the coefficients that its kernel reads")
    func linear() {
        func verdict(_ coefficients: Int, intercepts: Int, labels: Int64) -> IsolationVerdict {
            var graph = TestGraph(Self.row)
            graph.node(
                "LinearClassifier",
                ["x"],
                ["l", "y"],
                domain: "ai.onnx.ml",
                [
                    "coefficients": .reals([Float](repeating: 1, count: coefficients)),
                    "intercepts": .reals([Float](repeating: 1, count: intercepts)),
                    "classlabels_ints": .ints((0..<labels).map { $0 }),
                ]
            )
            return graph.isolation
        }
        #expect(verdict(12, intercepts: 3, labels: 3) == .safe)
        #expect(verdict(11, intercepts: 3, labels: 3).text.contains("do not fit its features"))
        #expect(verdict(4, intercepts: 1, labels: 2) == .safe)
        for labels: Int64 in [0, 2, 4] {
            let text = verdict(12, intercepts: 3, labels: labels).text
            #expect(text.contains("do not fit its features"))
        }
    }

    @Test("a tree ensemble names features and targets that exist")
    func trees() {
        func verdict(feature: Int64, target: Int64) -> IsolationVerdict {
            var graph = TestGraph(Self.row)
            graph.node(
                "TreeEnsembleRegressor",
                domain: "ai.onnx.ml",
                [
                    "nodes_featureids": .ints([0, feature, 0]), "target_ids": .ints([0, target]),
                    "n_targets": .int(2),
                ]
            )
            return graph.isolation
        }
        #expect(verdict(feature: 3, target: 1) == .safe)
        #expect(verdict(feature: 4, target: 1).text.contains("that do not exist"))
        #expect(verdict(feature: 3, target: 2).text.contains("that do not exist"))
        #expect(verdict(feature: -1, target: 1).text.contains("that do not exist"))
    }

    // MARK: Time

    @Test("the time of models that are not safe counts as decided by values")
    func time() {
        func isSlow(_ type: String, _ inputs: [String], type elements: UInt64) -> Bool {
            var graph = TestGraph([:])
            graph.input("x", ["N", 4], type: elements)
            graph.node(type, inputs, ["y"], ["fmod": .int(1)])
            return timeDependsOnValues(graph)
        }
        #expect(isSlow("Quux", ["x"], type: TestGraph.float))
        #expect(!isSlow("Mod", ["x", "x"], type: TestGraph.float))
        // Safe, but within the proved sizes the values decide.
        #expect(isSlow("Mod", ["x", "x"], type: TestGraph.double))
        #expect(isSlow("NonZero", ["x"], type: TestGraph.float))
        #expect(!isSlow("Relu", ["x"], type: TestGraph.float))
    }
}
