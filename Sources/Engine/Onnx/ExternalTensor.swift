internal import COnnxRuntime
internal import Text

/// A tensor of a model whose data lies in another file of the bundle.
struct ExternalTensor: Equatable {
    /// The tensor's name.
    let name: ExactString
    /// ONNX's number of its elements' type.
    let elementType: UInt32
    /// The dimensions.
    let shape: [Int64]
    /// The file's path, relative to the folder of the model's file, in the bundle's own form.
    let location: ExactString
    /// Where the data begins in the file.
    let offset: UInt64
    /// The bytes of the data; 0 if a dimension is.
    let byteCount: UInt64
    /// The place of its message in the model's file.
    let place: Range<Int>

    /// The place of the data in the file, which it was found to fit.
    var range: Range<Int> { Int(offset)..<Int(offset + byteCount) }

    /// The bits of an element of ONNX's types, those that the runtime takes as bytes; nil for
    /// others, text among them.
    static func elementBits(ofType type: UInt32) -> UInt64? {
        switch Int(type) {
        case ORT_ELEMENT_UINT2, ORT_ELEMENT_INT2: 2
        case ORT_ELEMENT_UINT4, ORT_ELEMENT_INT4, ORT_ELEMENT_FLOAT4E2M1: 4
        case ORT_ELEMENT_UINT8, ORT_ELEMENT_INT8, ORT_ELEMENT_BOOL: 8
        case ORT_ELEMENT_FLOAT8E4M3FN, ORT_ELEMENT_FLOAT8E4M3FNUZ, ORT_ELEMENT_FLOAT8E5M2,
            ORT_ELEMENT_FLOAT8E5M2FNUZ, ORT_ELEMENT_FLOAT8E8M0:
            8
        case ORT_ELEMENT_UINT16, ORT_ELEMENT_INT16, ORT_ELEMENT_FLOAT16, ORT_ELEMENT_BFLOAT16: 16
        case ORT_ELEMENT_FLOAT, ORT_ELEMENT_INT32, ORT_ELEMENT_UINT32: 32
        case ORT_ELEMENT_INT64, ORT_ELEMENT_DOUBLE, ORT_ELEMENT_UINT64, ORT_ELEMENT_COMPLEX64: 64
        case ORT_ELEMENT_COMPLEX128: 128
        default: nil
        }
    }

    /// The bytes of so many elements of a type; nil if a dimension is negative, there is no such
    /// type, or the number does not fit.
    static func byteCount(ofType type: UInt32, shape: [Int64]) -> UInt64? {
        guard let bits = elementBits(ofType: type), shape.allSatisfy({ $0 >= 0 }) else {
            return nil
        }
        guard !shape.contains(0) else { return 0 }
        var total = bits
        for size in shape {
            let (product, overflow) = total.multipliedReportingOverflow(by: UInt64(size))
            guard !overflow else { return nil }
            total = product
        }
        return total / 8 + (total % 8 == 0 ? 0 : 1)
    }
}

/// The path of another file of a bundle, as a model names it.
enum ExternalLocation {
    /// Why a path is refused.
    enum Refusal: Error {
        case absolute
        case leavesFolder
        /// It is empty, too long, or has characters that no path of a bundle has.
        case notInBundle
    }

    /// How ONNX Runtime spells addresses of memory in the place of a path.
    private static let memoryMark = "_ORT_MEM_ADDR_"

    /// The path in the bundle's own form, below the model's folder: without `.` and empty parts.
    static func path(_ text: String) throws(Refusal) -> ExactString {
        guard !text.utf8.starts(with: "/".utf8) else { throw .absolute }
        let parts = text.utf8.split(separator: UInt8(ascii: "/")).map { String(Substring($0)) }
        guard !parts.contains("..") else { throw .leavesFolder }
        let path = parts.filter { $0 != "." }.joined(separator: "/")
        let isPlain = path.unicodeScalars.allSatisfy { scalar in
            scalar.properties.generalCategory != .control && scalar != "\\"
        }
        guard isPlain, (1...EngineLimits.maxLocationBytes).contains(path.utf8.count),
            !path.utf8.contains(memoryMark.utf8)
        else { throw .notInBundle }
        return ExactString(path)
    }
}
