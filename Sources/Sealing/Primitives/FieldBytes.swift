/// Fields in one row, each with its length before it, so that no two different rows of fields
/// give the same bytes.
struct FieldBytes {
    /// What was written.
    private(set) var bytes: [UInt8] = []

    /// Adds the length as 4 bytes, big-endian, and the field.
    mutating func append(_ field: [UInt8]) {
        bytes.append(bigEndian: UInt32(field.count))
        bytes.append(contentsOf: field)
    }

    /// Adds the UTF-8 of `text`, with its length.
    mutating func append(_ text: String) {
        append(Array(text.utf8))
    }
}

extension [UInt8] {
    /// Appends an integer, big-endian.
    mutating func append<Integer: FixedWidthInteger>(bigEndian value: Integer) {
        for shift in stride(from: Integer.bitWidth - 8, through: 0, by: -8) {
            append(UInt8(truncatingIfNeeded: value >> Integer(shift)))
        }
    }

    /// The integer at `offset`, big-endian; the bytes must be there.
    func bigEndian<Integer: FixedWidthInteger>(
        _ type: Integer.Type = Integer.self,
        at offset: Int
    ) -> Integer {
        var value: Integer = 0
        for index in 0..<(Integer.bitWidth / 8) {
            value = value << 8 | Integer(truncatingIfNeeded: self[offset + index])
        }
        return value
    }
}
