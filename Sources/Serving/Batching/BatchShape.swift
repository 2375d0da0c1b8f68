internal import Engine

/// Which requests may lie in one batch.
enum BatchShape {
    /// The rows of a request: the first dimension, if all inputs agree on one of at least 1.
    static func rows(of inputs: [InputTensor]) -> Int? {
        guard let rows = inputs.first?.shape.first, rows > 0,
            inputs.allSatisfy({ $0.shape.first == rows })
        else { return nil }
        return Int(clamping: rows)
    }

    /// Whether two requests have the same inputs in the same order, of the same types and sizes of
    /// rows. Clients of one kind order alike; others run in batches of their own.
    static func agree(
        _ left: [InputTensor],
        _ right: [InputTensor]
    ) -> Bool {
        guard left.count == right.count else { return false }
        for index in left.indices {
            let (one, other) = (left[index], right[index])
            guard one.type == other.type, one.shape.count == other.shape.count,
                one.name == other.name
            else { return false }
            for dimension in one.shape.indices.dropFirst()
            where one.shape[dimension] != other.shape[dimension] {
                return false
            }
        }
        return true
    }
}
