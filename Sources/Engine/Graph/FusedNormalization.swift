internal import Text

/// The layer normalisations that exporters write as single nodes, and that ONNX Runtime replaces
/// by one kernel for FP32: `ReduceMean`, `Sub`, `Pow` 2, `ReduceMean`, `Add`, `Sqrt`, `Div`, `Mul`,
/// `Add`.
///
/// Their two means are not computed by the kernels of ``ReductionRules``, whose bits depend on the
/// place of the row.
struct FusedNormalization {
    private let graph: ModelGraph
    private var readers: [ExactString: [Int]] = [:]
    private var constants: [ExactString: GraphTensor] = [:]

    /// The indices of the `ReduceMean` nodes that belong to such a group.
    static func means(in graph: ModelGraph) -> Set<Int> {
        let first = graph.nodes.indices.filter { graph.nodes[$0].isDefault("ReduceMean") }
        guard !first.isEmpty else { return [] }
        let search = FusedNormalization(graph)
        var means: Set<Int> = []
        for index in first {
            guard let second = search.secondMean(after: index) else { continue }
            means.formUnion([index, second])
        }
        return means
    }

    private init(_ graph: ModelGraph) {
        self.graph = graph
        for (index, node) in graph.nodes.enumerated() {
            for input in Set(node.inputs) { readers[input, default: []].append(index) }
        }
        // An output of the graph is read by nobody that could be replaced.
        for output in graph.outputs { readers[output.name, default: []].append(-1) }
        for constant in graph.initializers { constants[constant.name] = constant }
        for input in graph.inputs { constants[input.name] = nil }
    }

    private func secondMean(after first: Int) -> Int? {
        guard let sub = reader(of: first, "Sub"),
            graph.nodes[sub].inputs == [
                graph.nodes[first].inputs[0], graph.nodes[first].outputs[0],
            ],
            let difference = graph.nodes[sub].outputs.first,
            let users = readers[difference], users.count == 2, !users.contains(-1),
            let pow = users.first(where: { graph.nodes[$0].isDefault("Pow") }),
            graph.nodes[pow].inputs.first == difference, isTwo(graph.nodes[pow].inputs.last),
            let second = reader(of: pow, "ReduceMean"),
            let add = reader(of: second, "Add"), let root = reader(of: add, "Sqrt"),
            let div = reader(of: root, "Div"), users.contains(div),
            graph.nodes[div].inputs == [difference, graph.nodes[root].outputs[0]],
            let scale = reader(of: div, "Mul"), hasVector(scale),
            let bias = reader(of: scale, "Add"), hasVector(bias),
            [first, second].allSatisfy(isAlongLast)
        else { return nil }
        return second
    }

    /// The only node that reads the only output of another, if it is of that type.
    private func reader(of index: Int, _ type: ExactString) -> Int? {
        let node = graph.nodes[index]
        guard node.outputs.count == 1, !node.inputs.isEmpty,
            let users = readers[node.outputs[0]], users.count == 1, users[0] >= 0,
            graph.nodes[users[0]].isDefault(type)
        else { return nil }
        return users[0]
    }

    private func isTwo(_ name: ExactString?) -> Bool {
        guard let name, let facts = constants[name]?.facts else { return false }
        return facts.onlyValue == .real(2) || facts.onlyValue == .number(2)
    }

    private func hasVector(_ index: Int) -> Bool {
        graph.nodes[index].inputs.contains { constants[$0]?.shape.count == 1 }
    }

    private func isAlongLast(_ index: Int) -> Bool {
        let node = graph.nodes[index]
        let given =
            node.attributes["axes"]?.ints
            ?? node.inputs.dropFirst().first.flatMap {
                constants[$0]?.ints
            }
        return given == [-1] && (node.attributes["keepdims"]?.int ?? 1) == 1
    }
}

extension GraphNode {
    fileprivate func isDefault(_ type: ExactString) -> Bool { domain == "" && self.type == type }
}
