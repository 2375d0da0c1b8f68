internal import Text

/// The main graph of a model, as the row analysis reads it.
struct ModelGraph {
    /// The version of the file's format.
    var irVersion: Int64 = 0
    /// The version of each domain's operators.
    var operatorSets: [ExactString: Int64] = [:]
    /// Operators that the model defines itself.
    var functions: Set<OperatorName> = []
    var nodes: [GraphNode] = []
    var initializers: [GraphTensor] = []
    var inputs: [GraphValue] = []
    var outputs: [GraphValue] = []

    /// Refuses graphs that ONNX Runtime may read in another way than this analysis does.
    ///
    /// - Throws: `unsupported` for two initializers of one name, and for an operator of a domain
    ///   that is not imported.
    func requireClarity() throws(EngineError) {
        guard Set(initializers.map(\.name)).count == initializers.count else {
            throw EngineError(.unsupported, "two initializers of one name")
        }
        for node in nodes where operatorSets[node.domain] == nil {
            let domain = node.domain.isEmpty ? "ai.onnx" : node.domain
            throw EngineError(
                .unsupported,
                "node \(quoted(node.name)) (\(node.type.text.escaped)): its domain "
                    + "\(quoted(domain)) is not imported"
            )
        }
    }
}

/// An operator's domain and name.
struct OperatorName: Hashable, Sendable {
    let domain: ExactString
    let name: ExactString

    /// Makes a name. The default domain has two spellings.
    init(_ domain: ExactString, _ name: ExactString) {
        self.domain = domain == "ai.onnx" ? "" : domain
        self.name = name
    }
}

/// A node of a graph.
struct GraphNode {
    var name = ""
    var domain: ExactString = ""
    var type: ExactString = ""
    /// An empty name stands for an input or output that is left out.
    var inputs: [ExactString] = []
    var outputs: [ExactString] = []
    var attributes: [ExactString: NodeAttribute] = [:]
    /// Whether two attributes have one name.
    var repeatsAttribute = false
}

/// An attribute of a node. Long lists are kept in part.
struct NodeAttribute {
    var int: Int64?
    var real: Float?
    var text: [UInt8]?
    var tensor: GraphTensor?
    var ints: [Int64] = []
    var reals: [Double] = []
    var texts: [[UInt8]] = []
    /// The elements of the lists, those that are not kept included.
    var count = 0
    /// The least and the greatest of all integers of the list; nil if it has none.
    var intRange: ClosedRange<Int64>?
    /// The bytes of the longest text, those of a tensor included.
    var longestTextBytes = 0
    /// Whether it holds a graph.
    var hasGraph = false

    var isComplete: Bool { count == max(ints.count, reals.count, texts.count) }
}

/// A constant tensor.
struct GraphTensor {
    var name: ExactString = ""
    var type: Int32 = 0
    var shape: [Int64] = []
    /// The elements, as long as there are few of a type that is kept.
    var ints: [Int64] = []
    var reals: [Double] = []
    var texts: [[UInt8]] = []
    /// The bytes of the longest text.
    var longestTextBytes = 0
    /// Whether the elements are not kept, or not in the file.
    var isOpaque = false

    /// The facts about the constant.
    var facts: TensorFacts {
        var facts = TensorFacts(type: type, shape: shape.map { SymbolicSize($0) })
        guard !isOpaque, let count = SymbolicSize.product(facts.shape ?? [])?.number else {
            return facts
        }
        if ints.count == count, OnnxType.integers.contains(type) {
            let isBool = type == OnnxType.bool
            facts.numbers = ints.map { SymbolicSize(isBool && $0 != 0 ? 1 : $0) }
        }
        if !reals.isEmpty, reals.count == count { facts.reals = reals }
        if count == 1, texts.count == 1 { facts.text = texts[0] }
        return facts
    }
}

/// An input or output of a graph.
struct GraphValue {
    /// A declared dimension.
    enum Size: Hashable {
        case number(Int64)
        case free
    }

    var name: ExactString = ""
    /// Whether its type is stated.
    var hasType = false
    /// Whether it is a dense tensor.
    var isTensor = false
    var type: Int32 = 0
    /// nil if no shape is declared.
    var shape: [Size]?
}
