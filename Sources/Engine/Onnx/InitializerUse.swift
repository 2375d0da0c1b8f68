internal import Text

/// The initializers of a main graph that the graph uses, decided as the runtime decides it.
///
/// The runtime drops the others when it reads the model, and fails when it is handed data for one
/// of them. Used are the inputs and outputs of the graph, inputs of its nodes, and names that a
/// subgraph takes from outside: a name that a subgraph declares itself hides the initializer.
struct InitializerUse {
    private let names: Set<ExactString>

    /// The names among `names` that are used.
    ///
    /// - Parameters:
    ///   - names: Names of initializers of the main graph.
    ///   - graphs: The places of the main graph, which may lie in pieces.
    ///   - bytes: The model, whose nesting was found to be bounded.
    static func used(
        among names: Set<ExactString>,
        by graphs: [Range<Int>],
        in bytes: RawSpan
    ) throws(EngineError) -> Set<ExactString> {
        guard !names.isEmpty else { return [] }
        let use = InitializerUse(names: names)
        var used: Set<ExactString> = []
        for graph in graphs {
            let found = try use.names(of: graph, in: bytes)
            used.formUnion(found.taken)
            used.formUnion(found.ends)
        }
        return used
    }

    /// The names of a graph, as far as they are among those that are looked for.
    private struct Names {
        /// Of inputs of nodes, and of what their subgraphs take from outside.
        var taken: Set<ExactString> = []
        /// Of the graph's inputs and outputs.
        var ends: Set<ExactString> = []
        /// Of values that the graph declares: inputs, initializers and outputs of nodes.
        var declared: Set<ExactString> = []
    }

    /// GraphProto: 1 node, 5 initializer, 11 input, 12 output, 15 sparse initializer.
    private func names(
        of graph: Range<Int>,
        in bytes: RawSpan
    ) throws(EngineError) -> Names {
        var found = Names()
        try ProtobufFields.forEachContent(in: graph, of: bytes) {
            field,
            content throws(EngineError) in
            switch field {
            case 1: try read(node: content, in: bytes, &found)
            case 5: insert(try text(8, of: content, in: bytes), into: &found.declared)
            case 11:
                let name = try text(1, of: content, in: bytes)
                insert(name, into: &found.ends)
                insert(name, into: &found.declared)
            case 12: insert(try text(1, of: content, in: bytes), into: &found.ends)
            case 15:
                try ProtobufFields.forEachContent(in: content, of: bytes) {
                    field,
                    values throws(EngineError) in
                    guard field == 1 else { return }
                    insert(try text(8, of: values, in: bytes), into: &found.declared)
                }
            default: break
            }
        }
        return found
    }

    /// NodeProto: 1 input, 2 output, 5 attribute. AttributeProto: 6 graph, 11 graphs.
    private func read(
        node: Range<Int>,
        in bytes: RawSpan,
        _ found: inout Names
    ) throws(EngineError) {
        try ProtobufFields.forEachContent(in: node, of: bytes) {
            field,
            content throws(EngineError) in
            switch field {
            case 1: insert(bytes.repairedText(content), into: &found.taken)
            case 2: insert(bytes.repairedText(content), into: &found.declared)
            case 5:
                try ProtobufFields.forEachContent(in: content, of: bytes) {
                    field,
                    graph throws(EngineError) in
                    guard field == 6 || field == 11 else { return }
                    let inner = try names(of: graph, in: bytes)
                    found.taken.formUnion(inner.taken.subtracting(inner.declared))
                }
            default: break
            }
        }
    }

    private func insert(_ name: String, into set: inout Set<ExactString>) {
        let name = ExactString(name)
        if names.contains(name) { set.insert(name) }
    }

    /// The text of a field of a message; empty if it is not there.
    private func text(
        _ field: UInt32,
        of message: Range<Int>,
        in bytes: RawSpan
    ) throws(EngineError) -> String {
        var text = ""
        try ProtobufFields.forEachContent(in: message, of: bytes) { number, content in
            if number == field { text = bytes.repairedText(content) }
        }
        return text
    }
}
