internal import COnnxRuntime

/// Type and shape of a tensor, read from the runtime's own description of them.
struct OnnxTensorInfo {
    /// ONNX's number of the element type.
    let elementType: OrtElementType
    /// The dimensions, -1 where a declared one is free.
    let shape: [Int64]

    /// Of a value.
    init(of value: OnnxValue, in library: OnnxLibrary) throws(OnnxFailure) {
        let info = try unsafe library.make { api, out in
            unsafe ort_GetTensorTypeAndShape(api, value.raw, out)
        }
        defer { unsafe ort_ReleaseTensorTypeAndShapeInfo(library.api, info) }
        try unsafe self.init(reading: info, in: library)
    }

    /// Of a description, which stays its owner's.
    @unsafe
    init(reading info: OpaquePointer, in library: OnnxLibrary) throws(OnnxFailure) {
        var type = OrtElementType()
        var rank = 0
        try unsafe library.call { api in unsafe ort_GetTensorElementType(api, info, &type) }
        try unsafe library.call { api in unsafe ort_GetDimensionsCount(api, info, &rank) }
        var dimensions = [Int64](repeating: 0, count: rank)
        if rank > 0 {
            try unsafe library.call { api in unsafe ort_GetDimensions(api, info, &dimensions, rank)
            }
        }
        elementType = type
        shape = dimensions
    }
}
