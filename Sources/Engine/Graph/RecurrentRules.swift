internal import Text

/// Rules of LSTM, GRU and RNN.
enum RecurrentRules {
    /// The batch is dimension 1, or 0 with `layout` 1. Lengths and states belong to rows.
    static func recurrent(_ call: inout OperatorCall) throws(RowFault) -> [TensorFacts] {
        let input = try call.input(0)
        let shape = try call.shape(0)
        guard shape.count == 3 else { throw RowFault("takes 3 dimensions") }
        try call.requireSame([1, 2, 3, 7])
        let isBatchFirst = call.int("layout", default: 0) != 0
        let batch = isBatchFirst ? 0 : 1
        let size = shape[batch]
        let expected = RowRelation.apart(RowAxis(axis: batch))
        guard input.isSame || input.rows == expected else {
            throw RowFault("takes its batch from another dimension than that of the rows")
        }
        let lengths = call.optionalInput(4)
        let states = [5, 6].compactMap { call.optionalInput($0) }
        for (facts, axis) in [(lengths, 0)] + states.map({ ($0, isBatchFirst ? 0 : 1) }) {
            guard let facts else { continue }
            let rows: RowRelation = input.isSame ? .same : .apart(RowAxis(axis: axis))
            guard facts.rows == rows, input.isSame || facts.shape?[axis] == size else {
                throw RowFault("takes lengths or states that are not those of the rows")
            }
        }
        let directions = SymbolicSize(call.text("direction") == "bidirectional" ? 2 : 1)
        let hidden = call.int("hidden_size").map { SymbolicSize($0) } ?? call.freshSize()
        func output(_ shape: [SymbolicSize?], _ axis: Int) -> TensorFacts {
            let rows: RowRelation = input.isSame ? .same : .apart(RowAxis(axis: axis))
            return TensorFacts(type: input.type, shape: shape, rows: rows)
        }
        let state =
            isBatchFirst
            ? output([size, directions, hidden], 0) : output([directions, size, hidden], 1)
        let steps =
            isBatchFirst
            ? output([size, shape[1], directions, hidden], 0)
            : output([shape[0], directions, size, hidden], 2)
        return [steps, state, state]
    }
}
