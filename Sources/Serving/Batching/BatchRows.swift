internal import Engine

/// The rows of a request as requests of one row each.
enum BatchRows {
    /// The rows of a request of more than one, as many as there are samples of a group.
    static func single(of inputs: [InputTensor]) -> [[InputTensor]] {
        guard let rows = BatchShape.rows(of: inputs), rows > 1 else { return [] }
        let cut = inputs.map { input in
            OutputTensor(name: input.name, type: input.type, shape: input.shape, bytes: input.bytes)
        }
        let ones = [Int](repeating: 1, count: rows)
        guard let parts = OutputParts(cut, rows: ones) else { return [] }
        return (0..<min(rows, BatchSamples.maxOfGroup)).map { index in
            parts.outputs(of: index).map { row in
                InputTensor(name: row.name, type: row.type, shape: row.shape, bytes: row)
            }
        }
    }
}
