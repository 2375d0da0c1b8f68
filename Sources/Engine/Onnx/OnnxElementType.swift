internal import COnnxRuntime

extension ElementType {
    /// The type that ONNX numbers so; nil for one that the schema does not have: complex numbers,
    /// floats of eight or four bits, integers of four or two.
    init?(onnx: OrtElementType) {
        guard let type = Self.allCases.first(where: { $0.onnx == onnx }) else { return nil }
        self = type
    }

    /// ONNX's number of the type.
    var onnx: OrtElementType {
        let number =
            switch self {
            case .bool: ORT_ELEMENT_BOOL
            case .uint8: ORT_ELEMENT_UINT8
            case .uint16: ORT_ELEMENT_UINT16
            case .uint32: ORT_ELEMENT_UINT32
            case .uint64: ORT_ELEMENT_UINT64
            case .int8: ORT_ELEMENT_INT8
            case .int16: ORT_ELEMENT_INT16
            case .int32: ORT_ELEMENT_INT32
            case .int64: ORT_ELEMENT_INT64
            case .fp16: ORT_ELEMENT_FLOAT16
            case .fp32: ORT_ELEMENT_FLOAT
            case .fp64: ORT_ELEMENT_DOUBLE
            case .bytes: ORT_ELEMENT_STRING
            case .bf16: ORT_ELEMENT_BFLOAT16
            }
        return OrtElementType(number)
    }
}

/// The names of ONNX's element types, as its specification spells them.
enum OnnxTypeName {
    private static let names = [
        "UNDEFINED", "FLOAT", "UINT8", "INT8", "UINT16", "INT16", "INT32", "INT64", "STRING",
        "BOOL", "FLOAT16", "DOUBLE", "UINT32", "UINT64", "COMPLEX64", "COMPLEX128", "BFLOAT16",
        "FLOAT8E4M3FN", "FLOAT8E4M3FNUZ", "FLOAT8E5M2", "FLOAT8E5M2FNUZ", "UINT4", "INT4",
        "FLOAT4E2M1", "UINT2", "INT2", "FLOAT8E8M0",
    ]

    /// The name of the type with a number.
    static func of(_ type: OrtElementType) -> String {
        Int(type) < names.count ? names[Int(type)] : "number \(type)"
    }
}
