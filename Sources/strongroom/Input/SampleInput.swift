internal import Engine
internal import NIOCore
internal import StrongroomClient
internal import Text
internal import Wire

/// Made-up inputs that fit a model's declaration: the same every time.
enum SampleInput {
    private static let text = "a slow start, and then one of the finest endings in years"

    /// A tensor for a declared input.
    ///
    /// - Parameters:
    ///   - rows: The first dimension, where that may have any size, and the only one of an input
    ///     of any shape; other dimensions of any size get 1.
    ///   - maxBytes: What it may weigh.
    /// - Throws: ``UsageError`` for a type that is not known, or a tensor over the limit.
    static func tensor(_ spec: V1.TensorSpec, rows: Int, maxBytes: Int) throws -> V1.Tensor {
        let type = try type(of: spec)
        let declared = spec.unknownRank ? [-1] : spec.shape
        let shape = declared.enumerated().map { index, size in
            size >= 0 ? size : index == 0 ? Int64(rows) : 1
        }
        let width = type.byteCount ?? 4 + text.utf8.count
        var count = 1
        for size in shape {
            let (product, overflows) = count.multipliedReportingOverflow(by: Int(size))
            guard !overflows, product <= maxBytes / width else {
                throw UsageError(
                    "input \(quoted(spec.name)) would weigh more than \(maxBytes) bytes"
                )
            }
            count = product
        }
        var data = ByteBuffer()
        data.reserveCapacity(count * width)
        for index in 0..<count { write(element: index, of: type, to: &data) }
        return V1.Tensor(name: spec.name, dataType: spec.dataType, shape: shape, data: data)
    }

    /// The type of an input's elements.
    ///
    /// - Throws: ``UsageError`` for one that is not known.
    static func type(of spec: V1.TensorSpec) throws -> ElementType {
        guard let type = ElementType(rawValue: spec.dataType.rawValue) else {
            throw UsageError("input \(quoted(spec.name)) has a data type that is not known here")
        }
        return type
    }

    /// Small numbers: they are an index as well as a measurement.
    private static func write(element index: Int, of type: ElementType, to data: inout ByteBuffer) {
        let fraction = Float(index % 16) / 16
        switch type {
        case .fp32: data.writeInteger(fraction.bitPattern, endianness: .little)
        case .fp64: data.writeInteger(Double(fraction).bitPattern, endianness: .little)
        case .bytes:
            data.writeInteger(UInt32(text.utf8.count), endianness: .little)
            data.writeString(text)
        default:
            // 0 or 1 as an integer; as a half float, 0 or the smallest that is more than 0.
            let width = type.byteCount ?? 1
            data.writeInteger(UInt8(index % 2))
            data.writeRepeatingByte(0, count: width - 1)
        }
    }
}
