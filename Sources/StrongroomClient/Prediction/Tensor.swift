internal import Text

/// A dense tensor: row-major and little-endian; elements of BYTES each behind their length, a
/// 32-bit little-endian number.
public struct Tensor: Sendable, Equatable {
    /// Element types; the raw values are those of the contract.
    public enum DataType: Int32, Sendable, CaseIterable {
        case bool = 1
        case uint8, uint16, uint32, uint64
        case int8, int16, int32, int64
        case fp16, fp32, fp64
        case bytes
        case bf16
    }

    /// The input or output of the model that it is for.
    public var name: String
    /// The type of all elements.
    public var dataType: DataType
    /// The size of each dimension, the slowest first; empty for a scalar.
    public var shape: [Int64]
    /// The elements.
    public var data: [UInt8]

    /// A tensor of bytes as they go over the wire.
    public init(name: String, dataType: DataType, shape: [Int64], data: [UInt8]) {
        self.name = name
        self.dataType = dataType
        self.shape = shape
        self.data = data
    }

    /// A vector of texts.
    public init(name: String, strings: [String]) {
        var data: [UInt8] = []
        for string in strings {
            Self.append(UInt32(string.utf8.count), to: &data)
            data.append(contentsOf: string.utf8)
        }
        self.init(name: name, dataType: .bytes, shape: [Int64(strings.count)], data: data)
    }

    /// A tensor of FP32, row-major.
    public init(name: String, floats: [Float], shape: [Int64]) {
        var data: [UInt8] = []
        data.reserveCapacity(floats.count * 4)
        for float in floats { Self.append(float.bitPattern, to: &data) }
        self.init(name: name, dataType: .fp32, shape: shape, data: data)
    }

    /// The elements of an FP32 tensor; nil for another type.
    public var floats: [Float]? {
        guard dataType == .fp32 else { return nil }
        return stride(from: 0, through: data.count - 4, by: 4).map { offset in
            let bits = data[offset..<offset + 4].reversed().reduce(UInt32(0)) {
                $0 << 8 | UInt32($1)
            }
            return Float(bitPattern: bits)
        }
    }

    /// Names are compared by their UTF-8 bytes, as the server compares them.
    public static func == (left: Tensor, right: Tensor) -> Bool {
        ExactString(left.name) == ExactString(right.name) && left.dataType == right.dataType
            && left.shape == right.shape && left.data == right.data
    }

    private static func append(_ value: UInt32, to data: inout [UInt8]) {
        for shift in stride(from: 0, to: 32, by: 8) {
            data.append(UInt8(truncatingIfNeeded: value >> UInt32(shift)))
        }
    }
}
