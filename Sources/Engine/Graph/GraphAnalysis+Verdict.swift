internal import Text

/// The verdict of an analysis, in words that name nodes.
extension GraphAnalysis {
    func independence() -> RowAnalysis.Independence {
        var verdict = RowAnalysis.Independence.proved
        for output in graph.outputs {
            guard let facts = facts[output.name] else {
                return .unproved(reason: "output \(quoted(output.name.text)) is not computed")
            }
            let isCounted = facts.shape?.first == .some(.rowCount)
            let isApart = facts.rows == .apart(RowAxis(axis: 0)) && facts.padding == nil
            if isCounted, isApart { continue }
            let reason = reason(facts, output.name)
            guard isCounted else { return .unproved(reason: reason) }
            if verdict == .proved { verdict = .rowCountOnly(reason: reason) }
        }
        return graph.outputs.isEmpty ? .unproved(reason: "the model has no outputs") : verdict
    }

    private func reason(_ facts: TensorFacts, _ output: ExactString) -> String {
        let what = "output \(quoted(output.text))"
        if let padding = facts.padding { return text(padding.fault) }
        switch facts.rows {
        case .mixed(let fault): return text(fault)
        case .same: return "\(what) depends on no row"
        case .apart: return "the rows of \(what) are not its first dimension"
        }
    }

    func precisionVerdict() -> RowAnalysis.Precision {
        let node = imprecise.map(describe) ?? ""
        switch precision {
        case .exact: return .exact
        case .rowCount:
            return .dependsOnRowCount(reason: "\(node): its bits may depend on the number of rows")
        case .place:
            return .dependsOnPlace(reason: "\(node): its bits may depend on the place of the row")
        }
    }

    private func text(_ fault: RowFault) -> String {
        guard let node = fault.node else { return fault.why }
        return "\(describe(node)): it \(fault.why)"
    }

    /// A node as a reason names it: by its name, or its first output.
    func describe(_ index: Int) -> String {
        let node = graph.nodes[index]
        let type = node.type.text.unicodeScalars.prefix(64)
        let label =
            node.name.isEmpty
            ? "the node of \(quoted(node.outputs.first { $0 != "" }?.text ?? ""))"
            : "node \(quoted(node.name))"
        return "\(label) (\(String(String.UnicodeScalarView(type)).escaped))"
    }
}
