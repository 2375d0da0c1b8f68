internal import Text

/// Rules of operators that hold a whole layer of a transformer: dimension 0 is the batch.
enum AttentionRules {
    /// Each input is of the rows along dimension 0, or one of the constants that the operator
    /// shares between the rows.
    ///
    /// - Parameters:
    ///   - constants: The inputs that are never of the rows: weights, tables, sizes.
    ///   - typed: The input that has the element type of the output.
    static func batchFirst(constants: Set<Int>, typed: Int = 0) -> OperatorRule.Transfer {
        { (call) throws(RowFault) in
            let input = try call.input(0)
            let shape = try call.shape(0)
            guard shape.count >= 2 else { throw RowFault("takes at least 2 dimensions") }
            try call.requireSame(constants)
            for (index, facts) in call.inputs.enumerated() where !constants.contains(index) {
                guard let facts else { continue }
                try require(facts, likeRowsOf: input)
            }
            let sizes = [shape[0], call.freshSize(), call.freshSize()]
            let type = call.optionalInput(typed)?.type ?? 0
            return [TensorFacts(type: type, shape: sizes, rows: input.rows)]
        }
    }

    /// A tensor shared by all rows has one element, or none, along the batch.
    private static func require(
        _ facts: TensorFacts,
        likeRowsOf input: TensorFacts
    ) throws(RowFault) {
        guard !input.isSame || !facts.isSame else { return }
        guard input.rows == .apart(RowAxis(axis: 0)), facts.rows == input.rows,
            facts.shape?.first == input.shape?.first
        else { throw RowFault("takes an input that is not of the rows") }
    }

    /// Attention of the default domain: the mask broadcasts against [batch, heads, rows, columns].
    static func attention(_ call: inout OperatorCall) throws(RowFault) -> [TensorFacts] {
        let query = try call.input(0)
        let shape = try call.shape(0)
        guard shape.count == 3 || shape.count == 4 else {
            throw RowFault("takes 3 or 4 dimensions")
        }
        for index in 0..<3 { try require(call.input(index), likeRowsOf: query) }
        for index in call.inputs.indices.dropFirst(4) {
            guard let facts = call.optionalInput(index) else { continue }
            try require(facts, likeRowsOf: query)
        }
        if let mask = call.optionalInput(3) {
            let isShared =
                mask.isSame && mask.rank.map { $0 < 4 || isOne(mask.shape?[0]) } ?? false
            guard
                isShared
                    || mask.rank == 4 && mask.rows == query.rows
                        && mask.shape?[0] == shape[0]
            else { throw RowFault("takes a mask that is not of the rows") }
        }
        var sizes = shape
        sizes[shape.count - 1] = call.freshSize()
        return [TensorFacts(type: query.type, shape: sizes, rows: query.rows)]
    }
}
