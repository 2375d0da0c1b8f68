import Testing

@testable import Engine

@Suite("Broadcasting against rows")
struct BroadcastingTests {
    /// The verdict on Add of `x` and `z`.
    private static func add(
        _ x: [TestGraph.Size],
        constant: [Int]? = nil,
        rows: [TestGraph.Size]? = nil
    ) -> RowAnalysis {
        var graph = TestGraph(["x": x])
        if let constant { graph.weight("z", constant) }
        if let rows { graph.input("z", rows) }
        graph.node("Add", ["x", "z"])
        return graph.analysis
    }

    @Test(
        "a constant has one element along the rows, or none",
        arguments: [([], true), ([4], true), ([1, 4], true), ([4, 1], false), ([2, 4], false)]
    )
    func constants(shape: [Int], isProved: Bool) {
        #expect(Self.add(["N", 4], constant: shape).isProved == isProved)
    }

    @Test("a constant with more dimensions moves the rows")
    func moved() {
        #expect(Self.add(["N"], constant: [3, 1]).reason.contains("not its first dimension"))
        #expect(
            Self.add(["N", 4], constant: [1, 1, 4]).reason.contains("not its first dimension")
        )
    }

    @Test("rows meet rows on the same dimension, counted from the end")
    func rows() {
        #expect(Self.add(["N", 4], rows: ["N", 4]).isProved)
        #expect(Self.add(["N", 4], rows: ["N", 1]).isProved)
        #expect(Self.add(["N", "a"], rows: ["N", "b"]).isProved)
        #expect(!Self.add(["N", 4], rows: ["N"]).isProved)
        #expect(!Self.add(["N", 4, 4], rows: ["N", 4]).isProved)
    }

    @Test("equal names of free dimensions do not make them the rows")
    func names() {
        // Both dimensions are called N; only the first one is the rows.
        let graph = GraphCase("square", ["x": ["N", "N"]]) { $0.node("Transpose") }
        #expect(!graph.analysis.isProved)
        #expect(!Self.add(["N", "N"], rows: ["N"]).isProved)
    }

    @Test("operators before version 7 broadcast in another way")
    func old() {
        let graph = GraphCase("old", opset: 6) { graph in
            graph.weight("c", [4])
            graph.node("Add", ["x", "c"], ["y"], ["broadcast": .int(1)])
        }
        #expect(graph.analysis.reason.contains("before version 7"))
    }

    @Test("a constant that is expanded to the number of rows has one for each")
    func expanded() {
        func expand(_ shape: [Int], to sizes: [Int64?]) -> RowAnalysis {
            var graph = TestGraph()
            graph.weight("token", shape)
            graph.ints("zero", [0])
            graph.node("Shape", ["x"], ["shape"])
            graph.node("Gather", ["shape", "zero"], ["rows"])
            let parts = sizes.enumerated().map { place, size in
                guard let size else { return "rows" }
                graph.ints("size\(place)", [size])
                return "size\(place)"
            }
            graph.node("Concat", parts, ["target"], ["axis": .int(0)])
            graph.node("Expand", ["token", "target"])
            return graph.analysis
        }
        #expect(expand([1, 8], to: [nil, 8]).isProved)
        #expect(expand([8], to: [nil, 1]).isProved)
        #expect(!expand([3, 8], to: [nil, 8]).isProved)
        #expect(!expand([1, 8], to: [nil, nil]).isProved)
        #expect(!expand([1, 8], to: [8, nil]).isProved)
    }
}
