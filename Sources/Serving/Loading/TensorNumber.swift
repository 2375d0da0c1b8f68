internal import Engine

/// An element of a tensor of numbers; nil for a BOOL and a string.
enum TensorNumber {
    case integer(Int128)
    case real(Double)

    init?(_ bytes: ArraySlice<UInt8>, type: ElementType) {
        let bits = bytes.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        switch type {
        case .bool, .bytes: return nil
        case .uint8, .uint16, .uint32, .uint64: self = .integer(Int128(bits))
        case .int8: self = .integer(Int128(Int8(truncatingIfNeeded: bits)))
        case .int16: self = .integer(Int128(Int16(truncatingIfNeeded: bits)))
        case .int32: self = .integer(Int128(Int32(truncatingIfNeeded: bits)))
        case .int64: self = .integer(Int128(Int64(bitPattern: bits)))
        case .fp16: self = .real(Double(Float16(bitPattern: UInt16(truncatingIfNeeded: bits))))
        case .bf16: self = .real(Double(Float(bitPattern: UInt32(truncatingIfNeeded: bits) << 16)))
        case .fp32: self = .real(Double(Float(bitPattern: UInt32(truncatingIfNeeded: bits))))
        case .fp64: self = .real(Double(bitPattern: bits))
        }
    }

    /// As a real number; integers beyond 2^53 are rounded.
    var real: Double {
        switch self {
        case .integer(let value): Double(value)
        case .real(let value): value
        }
    }
}
