/// The type of a tensor's elements.
///
/// Numbers and names are the Open Inference Protocol's, as in the prediction schema. Elements are
/// little-endian and lie without padding, row by row.
package enum ElementType: Int32, CaseIterable, Sendable, Hashable {
    /// One byte, 0 or 1.
    case bool = 1
    /// Unsigned, 8 bits.
    case uint8 = 2
    /// Unsigned, 16 bits.
    case uint16 = 3
    /// Unsigned, 32 bits.
    case uint32 = 4
    /// Unsigned, 64 bits.
    case uint64 = 5
    /// Signed, 8 bits.
    case int8 = 6
    /// Signed, 16 bits.
    case int16 = 7
    /// Signed, 32 bits.
    case int32 = 8
    /// Signed, 64 bits.
    case int64 = 9
    /// IEEE 754 binary16.
    case fp16 = 10
    /// IEEE 754 binary32.
    case fp32 = 11
    /// IEEE 754 binary64.
    case fp64 = 12
    /// Any bytes: each element is a `UInt32` length, little-endian, and that many bytes.
    case bytes = 13
    /// The upper half of a binary32.
    case bf16 = 14

    /// Bytes of one element; nil for ``bytes``, whose elements have their own length each.
    package var byteCount: Int? {
        switch self {
        case .bool, .uint8, .int8: 1
        case .uint16, .int16, .fp16, .bf16: 2
        case .uint32, .int32, .fp32: 4
        case .uint64, .int64, .fp64: 8
        case .bytes: nil
        }
    }

    /// The protocol's name, such as "FP32".
    package var name: String {
        switch self {
        case .bool: "BOOL"
        case .uint8: "UINT8"
        case .uint16: "UINT16"
        case .uint32: "UINT32"
        case .uint64: "UINT64"
        case .int8: "INT8"
        case .int16: "INT16"
        case .int32: "INT32"
        case .int64: "INT64"
        case .fp16: "FP16"
        case .fp32: "FP32"
        case .fp64: "FP64"
        case .bytes: "BYTES"
        case .bf16: "BF16"
        }
    }

    /// The type of that name, in upper case; nil if there is none.
    package init?(name: String) {
        guard let type = Self.allCases.first(where: { $0.name == name }) else { return nil }
        self = type
    }
}

extension ElementType {
    /// The fault in the content of a tensor's data, whose length is right; nil if it is
    /// elements of this type.
    ///
    /// - Parameter count: How many elements the tensor's shape says.
    /// - Returns: The rest of a sentence that begins with the tensor's name.
    package func fault(in bytes: RawSpan, count: Int) -> String? {
        switch self {
        case .bytes: return BytesElements.fault(in: bytes, count: count)
        case .bool:
            let index = bytes.byteOffsets.first { bytes[byteAt: $0] > 1 }
            return index.map { "has a BOOL that is neither 0 nor 1, at element \($0)" }
        default: return nil
        }
    }
}
