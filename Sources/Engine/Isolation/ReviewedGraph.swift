internal import Text

/// The facts about a whole graph that reviews of its nodes need, since ONNX Runtime merges nodes
/// into others.
struct ReviewedGraph {
    /// The inputs of the model.
    let inputs: Set<ExactString>
    /// Whether the runtime may make quantised operators of nodes between `DequantizeLinear` and
    /// `QuantizeLinear`.
    let isQuantized: Bool
    /// Whether it has a layer normalisation, or the mean that begins one of several nodes.
    let hasNormalization: Bool

    init(_ graph: ModelGraph) {
        let types = Set(graph.nodes.map(\.type))
        inputs = Set(graph.inputs.map(\.name))
        isQuantized = types.contains("DequantizeLinear")
        hasNormalization = !types.isDisjoint(with: Self.normalizations)
    }

    private static let normalizations: Set<ExactString> = [
        "LayerNormalization", "SimplifiedLayerNormalization", "RMSNormalization", "ReduceMean",
    ]
}
