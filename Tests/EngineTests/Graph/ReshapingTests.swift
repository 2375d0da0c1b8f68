import Testing

@testable import Engine

@Suite("Rows through other shapes")
struct ReshapingTests {
    /// A graph that knows the sizes of `x`: `rows` and `columns` are lists of one number.
    private static func sized(
        _ shape: [TestGraph.Size],
        _ build: @escaping @Sendable (inout TestGraph) -> Void
    ) -> RowAnalysis {
        GraphCase("", ["x": shape]) { graph in
            for (name, place) in [("rows", 0), ("columns", 1)] {
                graph.ints("\(name) place", [Int64(place)])
                graph.node("Shape", ["x"], ["\(name) shape"])
                graph.node("Gather", ["\(name) shape", "\(name) place"], [name])
            }
            for number: Int64 in [2, 4, 8] { graph.ints("\(number)", [number]) }
            graph.ints("-1", [-1])
            build(&graph)
        }.analysis
    }

    private static func reshape(
        _ graph: inout TestGraph,
        _ from: String,
        _ parts: [String],
        _ to: String
    ) {
        graph.node("Concat", parts, ["\(to) shape"], ["axis": .int(0)])
        graph.node("Reshape", [from, "\(to) shape"], [to])
    }

    @Test("heads are split off and joined again, with any number of columns")
    func heads() {
        let analysis = Self.sized(["N", "T", 8]) { graph in
            Self.reshape(&graph, "x", ["rows", "columns", "2", "4"], "split")
            graph.node("Transpose", ["split"], ["t"], ["perm": .ints([0, 2, 1, 3])])
            graph.node("Softmax", ["t"], ["s"])
            graph.node("Transpose", ["s"], ["back"], ["perm": .ints([0, 2, 1, 3])])
            Self.reshape(&graph, "back", ["rows", "columns", "8"], "y")
        }
        #expect(analysis.independence == .proved)
    }

    @Test("rows folded with another dimension come apart again", arguments: [true, false])
    func folded(isRowFirst: Bool) {
        let analysis = Self.sized(["N", "T", 8]) { graph in
            let order: [Int64] = isRowFirst ? [0, 1, 2] : [1, 0, 2]
            let parts = isRowFirst ? ["rows", "columns"] : ["columns", "rows"]
            graph.node("Transpose", ["x"], ["t"], ["perm": .ints(order)])
            Self.reshape(&graph, "t", ["-1", "8"], "flat")
            graph.node("Relu", ["flat"], ["r"])
            Self.reshape(&graph, "r", parts + ["8"], "wide")
            graph.node("Transpose", ["wide"], ["y"], ["perm": .ints(order)])
        }
        #expect(analysis.independence == .proved)
    }

    @Test("folded in one order and taken apart in the other, rows are mixed")
    func swapped() {
        let analysis = Self.sized(["N", "T", 8]) { graph in
            Self.reshape(&graph, "x", ["-1", "8"], "flat")
            Self.reshape(&graph, "flat", ["columns", "rows", "8"], "wide")
            graph.node("Transpose", ["wide"], ["y"], ["perm": .ints([1, 0, 2])])
        }
        #expect(analysis.reason.contains("does not keep the rows apart"))
    }

    @Test("folded rows are not mixed up with the dimension they are folded with")
    func foldedSoftmax() {
        let analysis = Self.sized(["N", "T", 8]) { graph in
            Self.reshape(&graph, "x", ["-1", "8"], "flat")
            graph.node("Softmax", ["flat"], ["s"], ["axis": .int(0)])
            Self.reshape(&graph, "s", ["rows", "columns", "8"], "y")
        }
        #expect(!analysis.isProved)
    }

    @Test("rows that are folded in another way do not meet")
    func foldedAdd() {
        let analysis = Self.sized(["N", "T", 8]) { graph in
            graph.node("Transpose", ["x"], ["t"], ["perm": .ints([1, 0, 2])])
            Self.reshape(&graph, "x", ["-1", "8"], "one")
            Self.reshape(&graph, "t", ["-1", "8"], "other")
            graph.node("Add", ["one", "other"], ["sum"])
            Self.reshape(&graph, "sum", ["rows", "columns", "8"], "y")
        }
        #expect(analysis.reason.contains("different dimensions"))
    }

    @Test("arithmetic on the number of rows is followed")
    func arithmetic() {
        let analysis = Self.sized(["N", 4, 8]) { graph in
            graph.node("Mul", ["rows", "2"], ["twice"])
            Self.reshape(&graph, "x", ["twice", "2", "8"], "folded")
            graph.node("Div", ["twice", "2"], ["once"])
            Self.reshape(&graph, "folded", ["once", "-1"], "y")
        }
        #expect(analysis.independence == .proved)
    }

    @Test("a size that rows decide is no size of a shape")
    func values() {
        let analysis = Self.sized(["N", 8]) { graph in
            graph.node("ArgMax", ["x"], ["most"], ["axis": .int(1), "keepdims": .int(0)])
            graph.node("Reshape", ["x", "most"], ["y"])
        }
        #expect(analysis.reason.contains("sizes from the values of the rows"))
    }

    @Test(
        "the number of rows as another size mixes them",
        arguments: ["Slice", "TopK", "OneHot", "Tile", "Reshape", "Expand", "Split", "Slice of w"]
    )
    func rowCountAsSize(type: String) {
        let analysis = Self.sized(["N", 8]) { graph in
            graph.weight("w", [1, 8])
            graph.weight("v", [2])
            graph.ints("0", [0])
            graph.ints("1", [1])
            graph.node("Squeeze", ["rows"], ["count"])
            graph.node("Concat", ["1", "rows"], ["sizes"], ["axis": .int(0)])
            graph.node("Concat", ["rows", "-1"], ["shape"], ["axis": .int(0)])
            switch type {
            case "Slice": graph.node("Slice", ["x", "0", "rows", "1"], ["z"])
            case "Slice of w": graph.node("Slice", ["w", "0", "rows", "1"], ["z"])
            case "TopK": graph.node("TopK", ["x", "rows"], ["z"])
            case "OneHot": graph.node("OneHot", ["x", "count", "v"], ["z"])
            case "Tile": graph.node("Tile", ["x", "sizes"], ["z"])
            case "Reshape": graph.node("Reshape", ["w", "shape"], ["z"])
            case "Expand": graph.node("Expand", ["w", "sizes"], ["z"])
            default:
                graph.node("Sub", ["8", "rows"], ["others"])
                graph.node("Concat", ["rows", "others"], ["parts"], ["axis": .int(0)])
                graph.node("Split", ["x", "parts"], ["z", "rest"], ["axis": .int(1)])
            }
            graph.node("ReduceMax", ["z"], ["most"], ["axes": .ints([-1])])
            graph.node("ReduceMax", ["most"], ["one"], ["axes": .ints([0]), "keepdims": .int(0)])
            let result =
                type.hasSuffix("w") || ["Reshape", "Expand"].contains(type) ? "one" : "most"
            graph.node("Add", ["x", result])
        }
        #expect(!analysis.isProved, "\(type)")
    }

    @Test("a zero copies a size, or is one")
    func zero() {
        func zero(_ attributes: [String: TestGraph.Value]) -> RowAnalysis {
            GraphCase.node("Reshape", attributes, shape: ["N", 4], ints: [0, 4]).analysis
        }
        #expect(zero([:]).isProved)
        #expect(!zero(["allowzero": .int(1)]).isProved)
    }

    @Test("a mask of the time steps does not depend on rows")
    func steps() {
        let analysis = Self.sized(["N", "T"]) { graph in
            graph.ints("zero", [0], isScalar: true)
            graph.ints("one", [1], isScalar: true)
            graph.node("Squeeze", ["columns"], ["count"])
            graph.node("Range", ["zero", "count", "one"], ["steps"])
            graph.node("Cast", ["steps"], ["reals"], ["to": .int(1)])
            graph.node("Mul", ["x", "reals"])
        }
        #expect(analysis.independence == .proved)
    }
}
