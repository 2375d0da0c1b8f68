internal import Engine

/// Whether two outputs are the same, or as near as a card allows.
struct RowComparison {
    /// Largest difference of two numbers; 0: the same bytes.
    let tolerance: Double

    func agree(_ left: OutputTensor, _ right: OutputTensor) -> Bool {
        guard left.type == right.type, left.shape == right.shape else { return false }
        let (left, right, type) = (left.copied(), right.copied(), left.type)
        if left == right { return true }
        guard tolerance > 0, left.count == right.count, let width = type.byteCount else {
            return false
        }
        return stride(from: 0, to: left.count, by: width).allSatisfy { start in
            let range = start..<start + width
            guard let one = TensorNumber(left[range], type: type)?.real,
                let other = TensorNumber(right[range], type: type)?.real
            else { return left[range] == right[range] }
            return one == other || one.isNaN && other.isNaN || abs(one - other) <= tolerance
        }
    }
}
