internal import Engine
internal import Glibc
internal import Text

/// The comparison of two answers: equal bytes, or numbers within a tolerance.
struct OutputComparison {
    /// The largest difference of two numbers; 0 asks for equal bytes, those of a NaN included.
    let tolerance: Double

    /// The name of the first output that differs, quoted; nil if none does.
    func difference(_ left: [OutputTensor], _ right: [OutputTensor]) -> String? {
        guard left.count == right.count else { return "of number \(min(left.count, right.count))" }
        for (one, other) in zip(left, right) where !agree(one, other) { return quoted(one.name) }
        return nil
    }

    /// Whether two outputs have the same type and shape, and elements that agree.
    func agree(_ left: OutputTensor, _ right: OutputTensor) -> Bool {
        guard left.type == right.type, left.shape == right.shape else { return false }
        if Self.haveEqualBytes(left, right) { return true }
        guard tolerance > 0, left.byteCount == right.byteCount, let width = left.type.byteCount
        else { return false }
        return haveCloseNumbers(left.copied(), right.copied(), left.type, width)
    }

    private static func haveEqualBytes(_ left: OutputTensor, _ right: OutputTensor) -> Bool {
        guard left.byteCount == right.byteCount else { return false }
        return left.withBytes { one in
            right.withBytes { other in
                unsafe one.withUnsafeBytes { one in
                    unsafe other.withUnsafeBytes { other in
                        guard let one = one.baseAddress,
                            let start = other.baseAddress
                        else { return true }
                        return unsafe memcmp(one, start, other.count) == 0
                    }
                }
            }
        }
    }

    private func haveCloseNumbers(
        _ left: [UInt8],
        _ right: [UInt8],
        _ type: ElementType,
        _ width: Int
    ) -> Bool {
        stride(from: 0, to: left.count, by: width).allSatisfy { start in
            let range = start..<start + width
            guard let one = TensorNumber(left[range], type: type)?.real,
                let other = TensorNumber(right[range], type: type)?.real
            else { return left[range] == right[range] }
            return one == other || one.isNaN && other.isNaN || abs(one - other) <= tolerance
        }
    }
}
