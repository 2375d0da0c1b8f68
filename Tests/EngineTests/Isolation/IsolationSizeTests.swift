import Testing

@testable import Engine

@Suite("The proof of sizes")
struct IsolationSizeTests {
    private static let decided = "values of a request decide the size of its output"

    /// A model of one node `type` whose size input is a request's.
    private static func decided(_ type: String, _ inputs: [String], at index: String) -> GraphCase {
        GraphCase(type) { graph in
            for name in Set(inputs) where name != "x" {
                if name == index {
                    graph.input(name, [2], type: TestGraph.int64)
                } else {
                    graph.ints(name, [1, 1])
                }
            }
            graph.node(type, inputs)
        }
    }

    @Test(
        "a size that a value decides needs a host",
        arguments: [
            decided("Expand", ["x", "n"], at: "n"), decided("Tile", ["x", "n"], at: "n"),
            decided("ConstantOfShape", ["n"], at: "n"), decided("Pad", ["x", "n"], at: "n"),
            decided("Range", ["a", "n", "b"], at: "n"), decided("Range", ["n", "a", "b"], at: "n"),
            decided("Range", ["a", "b", "n"], at: "n"),
            decided("OneHot", ["x", "n", "a"], at: "n"),
            decided("Resize", ["x", "", "", "n"], at: "n"),
        ]
    )
    func values(test: GraphCase) {
        #expect(test.isolation().text.hasPrefix(Self.decided), "\(test.isolation())")
    }

    @Test("a part of a tensor needs no known places, but its time depends on them")
    func parts() {
        var graph = TestGraph(["x": ["N", 4]])
        graph.input("n", [1], type: TestGraph.int64)
        graph.ints("axes", [1])
        graph.node("Slice", ["x", "n", "n", "axes"], ["part"])
        graph.node("Relu", ["part"])
        #expect(graph.isolation == .safe)
        #expect(timeDependsOnValues(graph))
    }

    // MARK: The factor

    private static func dense(_ width: Int, _ inputs: [TestGraph.Size] = ["N", 4]) -> GraphCase {
        GraphCase("\(width)", ["x": inputs]) { graph in
            graph.weight("w", [4, width])
            graph.node("MatMul", ["x", "w"])
        }
    }

    @Test("an intermediate has at most so many times the bytes of a request")
    func factor() {
        #expect(Self.dense(4 * 64).isolation() == .safe)
        let text = Self.dense(4 * 64 + 1).isolation().text
        #expect(text.hasPrefix("its output may have more than 64 times the bytes of a request,"))
        #expect(text.hasSuffix("the node of 'y' (MatMul)"))
        #expect(Self.dense(4 * 64 + 1).isolation(growth: 65) == .safe)
        #expect(Self.dense(5).isolation(growth: 1).text.contains("more than 1 times"))
    }

    @Test("sizes that no request decides have a limit of their own")
    func constants() {
        func verdict(_ rows: Int64, _ input: [TestGraph.Size] = ["N", 1]) -> IsolationVerdict {
            GraphCase("", ["x": input]) { graph in
                graph.ints("n", [rows, 1024])
                graph.node("ReduceSum", ["x"], ["s"], ["keepdims": .int(0)])
                graph.node("Expand", ["s", "n"])
            }.isolation()
        }
        let limit = Int64(RequestBytes.maxConstantBytes / 4 / 1024)
        #expect(verdict(limit) == .safe)
        #expect(verdict(limit + 1).text.contains("and \(64 << 20) more"))
        // The bytes of an input of fixed sizes count: here 4 KiB, 64 times.
        #expect(verdict(limit + 64, [1024]) == .safe)
        #expect(verdict(limit + 65, [1024]).text.contains("more than 64 times"))
    }

    @Test("sums of sizes count together")
    func sums() {
        func verdict(_ copies: Int) -> IsolationVerdict {
            GraphCase("", ["x": ["N", 4]]) { graph in
                let parts = (0..<copies).map { _ in "x" }
                graph.node("Concat", parts, ["y"], ["axis": .int(0)])
            }.isolation()
        }
        #expect(verdict(64) == .safe)
        #expect(verdict(65).text.contains("more than 64 times"))
    }

    @Test("a part of an input's dimensions is at most the input")
    func subsets() {
        let reduced = GraphCase("", ["x": ["N", "L", 2]]) { graph in
            graph.node("ReduceMax", ["x"], ["m"], ["axes": .ints([1, 2]), "keepdims": .int(0)])
            graph.ints("axes", [1])
            graph.node("Unsqueeze", ["m", "axes"], ["u"])
            graph.weight("w", [1, 128])
            graph.node("MatMul", ["u", "w"])
        }
        #expect(reduced.isolation() == .safe)
    }

    @Test("products of sizes are not proved")
    func productsOfSizes() {
        let outer = GraphCase("", ["x": ["N", 1], "z": [1, "M"]]) { graph in
            graph.node("Add", ["x", "z"])
        }
        #expect(outer.isolation().text.contains("a product of free sizes"))
        let square = GraphCase("", ["x": ["N", 1]]) { graph in
            graph.node("Transpose", ["x"], ["t"])
            graph.node("Add", ["x", "t"])
        }
        #expect(square.isolation().text.contains("a product of free sizes"))
    }

    // MARK: Inputs

    @Test("free sizes of two inputs differ, even of one name")
    func separate() {
        let sum = GraphCase("", ["x": ["N", 4], "z": ["N", 4]]) { $0.node("Add", ["x", "z"]) }
        #expect(sum.isolation() == .safe)
        // Where each may be 1, the other decides: a big one beside a small one.
        let wide = GraphCase("", ["x": ["N", 64], "z": ["N", 1]]) { $0.node("Add", ["x", "z"]) }
        #expect(wide.isolation() == .safe)
        let wider = GraphCase("", ["x": ["N", 65], "z": ["N", 1]]) { $0.node("Add", ["x", "z"]) }
        #expect(wider.isolation().text.contains("more than 64 times"))
    }

    @Test("columns that are joined are proved", arguments: [2, 20])
    func columns(count: Int) {
        let inputs = (0..<count).map { ("c\($0)", [TestGraph.Size.free("N"), 1]) }
        let joined = GraphCase("", Dictionary(uniqueKeysWithValues: inputs)) { graph in
            graph.node("Concat", inputs.map(\.0), ["row"], ["axis": .int(1)])
            graph.weight("w", [count, 8])
            graph.node("MatMul", ["row", "w"])
        }
        #expect(joined.isolation() == .safe)
    }

    @Test("an input that a request may leave out has no bytes for certain")
    func optional() {
        var graph = TestGraph(["x": ["N", 4]])
        graph.weight("b", [1, 4])
        graph.input("b", ["M", 4])
        graph.node("Add", ["x", "b"])
        #expect(graph.isolation.text.contains("does not follow from the sizes of a request"))
        var fixed = TestGraph(["x": ["N", 4]])
        fixed.weight("b", [1, 4])
        fixed.input("b", [1, 4])
        fixed.node("Add", ["x", "b"])
        #expect(fixed.isolation == .safe)
    }

    @Test("an input without a rank, of another type, or declared twice needs a host")
    func unclear() {
        var shapeless = TestGraph([:])
        shapeless.input("x", nil)
        shapeless.node("Relu")
        #expect(shapeless.isolation.text == "input 'x' has no declared rank, no node")
        var twice = TestGraph(["x": ["N", 4]])
        twice.input("x", ["N", 5])
        twice.node("Relu")
        #expect(twice.isolation.text == "input 'x' is declared twice, no node")
        let missing = GraphCase("") { $0.node("Relu", ["nothing"]) }
        #expect(missing.isolation().text.contains("takes a tensor that no node before it computes"))
        let repeated = GraphCase("") { graph in
            graph.node("Relu", ["x"], ["x"])
        }
        #expect(repeated.isolation().text.contains("tensor 'x' is computed twice"))
    }

    @Test("a size of 0 hides the other sizes of an input")
    func hidden() {
        func verdict(_ shape: [TestGraph.Size], _ factor: Int64) -> IsolationVerdict {
            GraphCase("", ["x": shape]) { graph in
                graph.node("Shape", ["x"], ["n"], ["end": .int(1)])
                graph.ints("factor", [factor])
                graph.node("Mul", ["n", "factor"], ["m"])
                graph.node("ConstantOfShape", ["m"])
            }.isolation()
        }
        let width: Int64 = 1 << 25
        // As long as N is not 0 the input has bytes.
        #expect(verdict(["N", .number(width)], 64 * width) == .safe)
        // A request of (1, 0, width) has none.
        let text = verdict(["N", "M", .number(width)], 64 * width).text
        #expect(text.contains("and \(64 << 20) more"))
        #expect(verdict(["N", "M", .number(width)], 1 << 24) == .safe)
        #expect(verdict(["N", 3, 224, 224], 64 * 3 * 224 * 224) == .safe)
    }

    @Test("numbers of 16 bits count as FP32 between nodes", arguments: [10, 16])
    func halves(type: UInt64) {
        func verdict(_ count: Int64) -> IsolationVerdict {
            GraphCase("", [:]) { graph in
                graph.input("x", ["N"], type: type)
                graph.ints("n", [count, 1])
                graph.node("Expand", ["x", "n"])
            }.isolation()
        }
        #expect(verdict(32) == .safe)
        #expect(verdict(33).text.contains("more than 64 times"))
    }

    // MARK: Tensors that live at once

    /// Branches of 64 times the request that a node adds up.
    private static func branches(_ count: Int, joined: Bool = true) -> IsolationVerdict {
        GraphCase("", ["x": ["N"]]) { graph in
            graph.ints("n", [64, 1])
            for index in 0..<count {
                graph.node("Expand", ["x", "n"], ["e\(index)"])
                if !joined { graph.node("ReduceMax", ["e\(index)"], ["m\(index)"]) }
            }
            graph.node("Sum", (0..<count).map { joined ? "e\($0)" : "m\($0)" })
        }.isolation()
    }

    @Test("tensors that live at once count together")
    func branches() {
        // The sum lives beside its inputs.
        #expect(Self.branches(3) == .safe)
        #expect(Self.branches(4).text.contains("the tensors that live at once with it"))
        #expect(Self.branches(4).text.contains("more than 256 times the bytes of a request"))
        #expect(Self.branches(40, joined: false) == .safe)
    }

    @Test("constant tensors that live at once count together")
    func constantBranches() {
        func verdict(_ count: Int) -> IsolationVerdict {
            GraphCase("", ["x": [1]]) { graph in
                graph.ints("n", [16 << 20])
                for index in 0..<count { graph.node("Expand", ["x", "n"], ["e\(index)"]) }
                graph.node("Sum", (0..<count).map { "e\($0)" })
            }.isolation()
        }
        #expect(verdict(3) == .safe)
        #expect(verdict(4).text.contains("and \(256 << 20) more"))
    }

    @Test("a chain of any length holds two tensors at once")
    func chain() {
        let chain = GraphCase("", ["x": ["N", 4]]) { graph in
            graph.weight("w", [4, 256])
            graph.node("MatMul", ["x", "w"], ["v0"])
            for index in 0..<1_000 { graph.node("Relu", ["v\(index)"], ["v\(index + 1)"]) }
            graph.node("Softmax", ["v1000"])
        }
        #expect(chain.isolation() == .safe)
    }

    // MARK: Constants

    @Test("what no request reaches needs no proof")
    func folded() {
        let folded = GraphCase("") { graph in
            graph.ints("n", [1 << 20, 1 << 10])
            graph.node("ConstantOfShape", ["n"], ["big"])
            graph.node("ReduceMax", ["big"], ["m"])
            graph.node("Add", ["x", "m"])
        }
        #expect(folded.isolation() == .safe)
        let used = GraphCase("") { graph in
            graph.ints("n", [1 << 20, 1 << 10])
            graph.node("ConstantOfShape", ["n"], ["big"])
            graph.node("ReduceMax", ["x"], ["m"])
            graph.node("Add", ["big", "m"])
        }
        #expect(used.isolation().text.contains("more than 64 times the bytes of a request and"))
    }
}
