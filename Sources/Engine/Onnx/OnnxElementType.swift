internal import COnnxRuntime

extension ElementType {
    /// The type that ONNX numbers so; nil for one that the schema does not have: complex numbers,
    /// eight-bit floats, four-bit integers.
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
