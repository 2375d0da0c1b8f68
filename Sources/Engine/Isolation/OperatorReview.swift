internal import Text

/// The review of an operator's CPU kernel in ONNX Runtime: whether it is safe for any value.
///
/// A safe kernel returns or refuses its inputs, whatever they hold. Its time and its memory are
/// in proportion to the sizes of its inputs and outputs.
struct OperatorReview: Sendable {
    /// Whether the kernel is safe, as far as the conditions hold.
    var isSafe = true
    /// The reason: what makes it safe, or a clause that says what values of a request may do.
    let note: String
    /// The conditions of a safe kernel on a node, beside the sizes of its outputs.
    var conditions: [ReviewCondition] = []
    /// Whether each output has the elements of an input and no others, so that its size needs no
    /// proof.
    var keepsElements = false
    /// Whether it takes texts of a request and copies each at most once.
    var takesText: @Sendable (ReviewedNode) -> Bool = { _ in false }
    /// The bytes that the kernel may hold at once for each byte of its outputs.
    var workspace = 1.0
    /// The bytes that the kernel holds beside its outputs.
    var scratch: (@Sendable (ReviewedNode) -> SizeBound?)?
    /// Whether the time on a node depends on values within the proved sizes.
    var timeDependsOnValues: @Sendable (ReviewedNode) -> Bool = { _ in false }

    /// A kernel that is not safe for any value, or not reviewed.
    static func host(_ why: String) -> OperatorReview {
        OperatorReview(isSafe: false, note: why)
    }

    static func safe(
        _ note: String,
        _ conditions: ReviewCondition...,
        keepsElements: Bool = false,
        takesText: Bool = false
    ) -> OperatorReview {
        OperatorReview(
            note: note,
            conditions: conditions,
            keepsElements: keepsElements,
            takesText: { _ in takesText }
        )
    }

    /// The review with a time that depends on values, on some nodes.
    func slow(where isSlow: @escaping @Sendable (ReviewedNode) -> Bool) -> OperatorReview {
        var review = self
        review.timeDependsOnValues = isSlow
        return review
    }

    /// The review where a node takes texts that no index picks twice.
    func pickingText() -> OperatorReview {
        var review = self
        review.takesText = { node in
            guard let indices = node.constants(1) else { return false }
            // Counted from the end, an index may name the place of another.
            return indices.allSatisfy { $0 >= 0 } && Set(indices).count == indices.count
        }
        return review
    }

    /// The review where a node copies each text of a request once: it takes one tensor of them, or
    /// different inputs of the model.
    func joiningText() -> OperatorReview {
        var review = self
        review.takesText = { node in
            let texts = node.node.inputs.indices.filter { node.isVariable($0) }
                .map { node.node.inputs[$0] }
            return texts.count < 2
                || Set(texts).count == texts.count && node.graph.inputs.isSuperset(of: texts)
        }
        return review
    }

    /// The review with memory beside the outputs.
    func holding(
        _ workspace: Double = 1,
        scratch: (@Sendable (ReviewedNode) -> SizeBound?)? = nil
    ) -> OperatorReview {
        var review = self
        (review.workspace, review.scratch) = (workspace, scratch)
        return review
    }
}

/// A condition of a safe kernel on a node.
struct ReviewCondition: Sendable {
    /// The clause that says what may happen where the condition does not hold.
    let otherwise: String
    let holds: @Sendable (ReviewedNode) -> Bool
}

/// A node whose operator is reviewed, with the facts about its tensors.
struct ReviewedNode {
    let node: GraphNode
    let version: Int64
    /// The facts about each input; nil for one that is left out.
    let inputs: [TensorFacts?]
    /// Whether a request decides the values of each input.
    let isVariable: [Bool]
    /// The facts about each output.
    let outputs: [TensorFacts]
    let symbols: SizeSymbols
    /// The facts about the graph that the node belongs to.
    let graph: ReviewedGraph

    func input(_ index: Int) -> TensorFacts? {
        inputs.indices.contains(index) ? inputs[index] : nil
    }

    func isVariable(_ index: Int) -> Bool {
        isVariable.indices.contains(index) && isVariable[index]
    }

    /// Whether an input has numbers that are all constant, whatever the request.
    func constants(_ index: Int) -> [Int64]? {
        guard let numbers = input(index)?.numbers else { return nil }
        let constants = numbers.compactMap { $0?.number }
        return constants.count == numbers.count ? constants : nil
    }

    func count(_ attribute: ExactString) -> Int { node.attributes[attribute]?.count ?? 0 }
}
