internal import Text

/// The reason why rows of a tensor are not apart: a verb phrase about one node.
struct RowFault: Error, Hashable {
    /// The verb phrase, such as "sums over the rows".
    let why: String
    /// The node's index in the graph; nil as long as the rule of that node is at work.
    var node: Int?

    /// Makes a reason.
    init(_ why: String) {
        self.why = why
    }
}

/// The place of the rows in a tensor.
struct RowAxis: Hashable {
    /// The dimension.
    var axis: Int
    /// The dimension's index is (outer, row, inner) in row-major order; this is the size of outer.
    var outer: SymbolicSize = .one
}

/// The relation between a tensor and the rows of a run.
enum RowRelation: Hashable {
    /// It is the same in every run on inputs of these shapes, whatever the rows and their number.
    case same
    /// Each slice along an axis belongs to a row and depends on that row alone.
    case apart(RowAxis)
    /// Rows may depend on each other or on their number.
    case mixed(RowFault)
}

/// The trailing elements of a dimension that is as long as the longest row of the run needs.
struct RowPadding: Hashable {
    /// The dimension.
    var axis: Int
    /// The value of the padding; nil if unknown.
    var value: KnownValue?
    /// The elements of padding that each row has at least.
    var atLeast: Int64 = 0
    /// The reason, with the node that pads.
    var fault: RowFault
}

/// A value that a tensor's element is known to have.
enum KnownValue: Hashable {
    case number(Int64)
    case real(Double)
    case text([UInt8])
}

/// The facts known about a tensor before any run.
struct TensorFacts: Hashable {
    /// ONNX's number of the element type; 0 if unknown.
    var type: Int32 = 0
    /// The dimensions; nil if not even their number is known. A dimension is nil if its size may
    /// depend on rows or on their number in another way than by a factor.
    var shape: [SymbolicSize?]?
    /// The relation to the rows.
    var rows: RowRelation = .same
    /// The elements in row-major order, as far as a tensor of integers has known ones.
    var numbers: [SymbolicSize?]?
    /// The elements of a small constant of floats.
    var reals: [Double]?
    /// The only element of a constant text.
    var text: [UInt8]?
    /// The ragged dimension, if any.
    var padding: RowPadding?

    /// The number of dimensions.
    var rank: Int? { shape?.count }

    /// The axis of rows that are apart.
    var rowAxis: RowAxis? {
        guard case .apart(let rows) = rows else { return nil }
        return rows
    }

    var isSame: Bool { rows == .same }

    /// The reason why rows cannot be apart, or constant, in a tensor of this shape; nil if they can:
    /// only the dimension of the rows, and a ragged one, may have a size that depends on the run.
    var irregularity: RowFault? {
        if case .mixed = rows { return nil }
        guard let shape else {
            return isSame ? nil : RowFault("gives a tensor of unknown rank")
        }
        let isRegular = shape.indices.allSatisfy { axis in
            if axis == padding?.axis { return true }
            guard axis == rowAxis?.axis else { return shape[axis]?.isFixed == true }
            guard let outer = rowAxis?.outer, let block = outer.times(.rowCount) else {
                return false
            }
            return shape[axis]?.divided(by: block)?.isFixed == true
        }
        return isRegular ? nil : RowFault("gives a size that depends on the number of rows")
    }

    /// Whether a dimension is negative, so that the run fails or gives another one.
    var hasNegativeSize: Bool { shape?.contains { ($0?.factor ?? 0) < 0 } ?? false }

    /// Drops the known elements, which the tensor no longer has in this order.
    mutating func forgetValues() {
        (numbers, reals, text) = (nil, nil, nil)
    }

    /// A scalar's or a single element's value.
    var onlyValue: KnownValue? {
        if let text { return .text(text) }
        if let numbers, numbers.count == 1, let number = numbers[0]?.number {
            return .number(number)
        }
        guard let reals, reals.count == 1 else { return nil }
        return .real(reals[0])
    }
}

/// ONNX's numbers of element types that rules look at.
enum OnnxType {
    static let float: Int32 = 1
    static let uint8: Int32 = 2
    static let int8: Int32 = 3
    static let int32: Int32 = 6
    static let int64: Int32 = 7
    static let string: Int32 = 8
    static let bool: Int32 = 9
    static let float16: Int32 = 10
    static let double: Int32 = 11
    static let uint32: Int32 = 12
    static let uint64: Int32 = 13
    static let bfloat16: Int32 = 16
    static let integers: Set<Int32> = [2, 3, 4, 5, 6, 7, 9, 12, 13, 21, 22]
}
