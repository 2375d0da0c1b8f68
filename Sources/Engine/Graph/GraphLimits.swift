internal import Text

/// The bounds of the row analysis. A model beyond one of them is served, without merging.
enum GraphLimits {
    /// Nodes of a graph.
    static let maxNodes = 1_000_000
    /// Elements of a constant, an attribute or a computed tensor whose values are kept.
    static let maxKeptValues = 1_024
    /// Values that are kept of all tensors of a graph together; the rest is taken for unknown.
    static let maxKeptValuesInAll = 1 << 20
    /// Dimensions of a tensor between two nodes.
    static let maxRank = 64
    /// Symbols in the size of one dimension.
    static let maxSymbols = 16
    /// The newest set of operators of each domain that the rules describe.
    static let newestOperatorSets: [ExactString: Int64] = ["": 27, "ai.onnx.ml": 5]
}
