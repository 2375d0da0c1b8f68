internal import Text

/// The bounds of the analyses of a graph. A model beyond one of them is served, without merging
/// and in a process of its own.
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
    /// Products of symbols in the upper bound of a size.
    static let maxBoundTerms = 32
    /// Products that are computed to multiply two upper bounds.
    static let maxBoundProducts = 256
    /// Products of symbols in the upper bounds of all derived sizes of a graph together; a further
    /// one has no bound.
    static let maxKeptBoundTerms = 1 << 18
    /// The newest set of operators of each domain that the rules describe.
    static let newestOperatorSets: [ExactString: Int64] = ["": 27, "ai.onnx.ml": 5]
}
