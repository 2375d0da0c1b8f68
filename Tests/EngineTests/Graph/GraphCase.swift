import Testing

@testable import Engine

/// One graph of a table of tests, under a name.
struct GraphCase: Sendable, CustomTestStringConvertible {
    let testDescription: String
    /// Words of the reason that is expected.
    var reason = ""
    private let build: @Sendable (inout TestGraph) -> Void
    private let opset: UInt64
    private let inputs: [String: [TestGraph.Size]]

    init(
        _ name: String,
        opset: UInt64 = 17,
        _ inputs: [String: [TestGraph.Size]] = ["x": ["N", 4]],
        reason: String = "",
        build: @escaping @Sendable (inout TestGraph) -> Void
    ) {
        testDescription = name
        self.opset = opset
        self.inputs = inputs
        self.reason = reason
        self.build = build
    }

    /// One node from `x` to `y`.
    static func node(
        _ type: String,
        _ attributes: [String: TestGraph.Value] = [:],
        opset: UInt64 = 17,
        shape: [TestGraph.Size] = ["N", 4, 6],
        ints: [Int64]? = nil,
        domain: String = "",
        reason: String = "",
        _ note: String = ""
    ) -> GraphCase {
        GraphCase(
            "\(type)-\(opset) \(attributes.keys.sorted()) \(note)",
            opset: opset,
            ["x": shape],
            reason: reason
        ) { graph in
            if let ints { graph.ints("list", ints) }
            graph.node(
                type,
                ints == nil ? ["x"] : ["x", "list"],
                domain: domain,
                attributes
            )
        }
    }

    var graph: TestGraph {
        var graph = TestGraph(opset: opset, inputs)
        build(&graph)
        return graph
    }

    var analysis: RowAnalysis { graph.analysis }
}
