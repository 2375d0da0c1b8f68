internal import Text

/// A tensor of a model whose data lies in another file of the bundle.
struct ExternalTensor: Equatable {
    /// The initializer's name.
    let name: ExactString
    /// ONNX's number of its elements' type.
    let elementType: UInt32
    /// The dimensions.
    let shape: [Int64]
    /// The file's path, relative to the folder of the model's file: clean, as a bundle's are.
    let location: ExactString
    /// Where the data begins in the file.
    let offset: UInt64
    /// The bytes of the data; never 0.
    let byteCount: UInt64

    /// The bits of an element of ONNX's types, those that the runtime takes as bytes; nil for
    /// others, text and complex numbers among them.
    static func elementBits(ofType type: UInt32) -> UInt64? {
        switch type {
        case 2, 3, 9: 8  // UINT8, INT8, BOOL
        case 4, 5, 10, 16: 16  // UINT16, INT16, FLOAT16, BFLOAT16
        case 1, 6, 12: 32  // FLOAT, INT32, UINT32
        case 7, 11, 13: 64  // INT64, DOUBLE, UINT64
        case 17, 18, 19, 20: 8  // FLOAT8 in four forms
        case 21, 22: 4  // UINT4, INT4: two in a byte
        default: nil
        }
    }

    /// The bytes of so many elements of a type; nil if a dimension is negative, there is no such
    /// type, or the number does not fit.
    static func byteCount(ofType type: UInt32, shape: [Int64]) -> UInt64? {
        guard let bits = elementBits(ofType: type) else { return nil }
        var total = bits
        for size in shape {
            guard let size = UInt64(exactly: size) else { return nil }
            let (product, overflow) = total.multipliedReportingOverflow(by: size)
            guard !overflow else { return nil }
            total = product
        }
        return total / 8 + (total % 8 == 0 ? 0 : 1)
    }
}

/// The path of another file of a bundle, as a model names it.
enum ExternalLocation {
    /// How ONNX Runtime spells addresses of memory in the place of a path.
    private static let memoryMark = "_ORT_MEM_ADDR_"

    /// Whether it is a clean path below the model's folder: nothing that a file system, a terminal
    /// or the runtime could take for something else.
    static func isClean(_ path: String) -> Bool {
        guard (1...EngineLimits.maxLocationBytes).contains(path.utf8.count) else { return false }
        let isPlain = path.unicodeScalars.allSatisfy { scalar in
            scalar.properties.generalCategory != .control && scalar != "\\"
        }
        guard isPlain, !path.utf8.contains(memoryMark.utf8) else { return false }
        return ExactString(path).split(at: "/").allSatisfy { part in
            !part.isEmpty && part != "." && part != ".."
        }
    }
}
