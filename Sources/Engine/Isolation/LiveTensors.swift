internal import Text

/// The tensors that live at once in a run, in the order of the graph.
///
/// A tensor lives from its node until the last node that takes it; an output of the model until
/// the end. The runtime may run nodes without a common order in another one.
struct LiveTensors {
    /// The number of tensors of the largest proved size that may live at once.
    static let maxTensors = 4

    /// The index of the last node that takes each tensor; `Int.max` for an output of the model.
    private var lastUse: [ExactString: Int] = [:]
    private var shares: [ExactString: RequestShare] = [:]
    /// The shares of all that live.
    private(set) var sum = RequestShare()

    init(_ graph: ModelGraph) {
        for (index, node) in graph.nodes.enumerated() {
            for input in node.inputs { lastUse[input] = index }
        }
        for output in graph.outputs { lastUse[output.name] = .max }
    }

    /// The share of a tensor that a node before has computed from a request.
    func share(of name: ExactString) -> RequestShare? { shares[name] }

    mutating func add(_ share: RequestShare, of name: ExactString) {
        // An output without a name lives no longer than its node.
        guard name != "", shares.updateValue(share, forKey: name) == nil else { return }
        sum.add(share)
    }

    /// Drops what no node after this one takes.
    mutating func drop(after index: Int, _ node: GraphNode) {
        for name in Set(node.inputs + node.outputs) where lastUse[name] ?? -1 <= index {
            guard let share = shares.removeValue(forKey: name) else { continue }
            sum.subtract(share)
        }
    }
}
