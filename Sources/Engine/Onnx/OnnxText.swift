internal import Text

/// A status text of ONNX Runtime, parsed into the nodes that it names and the reason behind them,
/// and cleaned for publishers and callers.
///
/// The cleaned text holds no path, address, source place or function of the runtime's build, and
/// no control character. Its length is bounded, whatever names the model has. The wordings are
/// those of ONNX Runtime 1.32; text that does not have them is cleaned and kept.
struct OnnxText {
    /// A node that a text names.
    struct Node: Equatable {
        /// The node's name, which is empty for most; nil: the text tells only its operator.
        let name: String?
        let operatorName: String
        /// Empty: the text does not tell, or it is that of ONNX itself.
        var domain = ""
    }

    /// Bytes of the reason; longer ones are cut.
    static let maxBytes = 1_024
    /// Nodes within one another that are told apart: a node of a subgraph of another.
    static let maxNodes = 8

    /// The nodes, the outermost first.
    let nodes: [Node]
    /// The reason; empty if the runtime gives none.
    let reason: String
    /// Whether the runtime reports the status of a node that it ran.
    let isOfRunNode: Bool

    /// Parses and cleans a text.
    init(_ text: String) {
        var parser = OnnxTextParser(Array(text.utf8))
        isOfRunNode = parser.isAtRunNode
        nodes = parser.takeNodes(limit: Self.maxNodes)
        reason = Self.reworded(parser.takeReason(maxBytes: Self.maxBytes))
    }

    /// Whether an allocation failed: the runtime has no code for it.
    var isOutOfMemory: Bool {
        Self.textsOfNoMemory.contains { reason.hasPrefix($0) }
    }

    /// The nodes, each followed by a colon and a space.
    var place: String { nodes.map { $0.description + ": " }.joined() }

    /// Nodes and reason, for a message; `fallback` stands for a reason that is not given.
    func message(fallback: String) -> String { place + (reason.isEmpty ? fallback : reason) }

    private static let textsOfNoMemory = [
        "std::bad_alloc", "bad allocation", "Failed to allocate memory",
    ]

    /// Functions of the standard library of C++ whose exceptions have no other text.
    private static let conversions = ["stod", "stof", "stoi", "stol", "stold", "stoll", "stoul"]

    private static func reworded(_ reason: String) -> String {
        conversions.contains(reason) ? "a text is not a number in range (\(reason))" : reason
    }
}

extension OnnxText.Node: CustomStringConvertible {
    var description: String {
        let kind = excerpt(operatorName) + (domain.isEmpty ? "" : " of \(excerpt(domain))")
        guard let name else { return "operator \(kind)" }
        return "node \(quoted(name)) (\(kind))"
    }
}
