internal import Engine

/// Generated requests of one row that fit a signature. A model may refuse any of them, which says
/// nothing about it.
struct SyntheticInputs {
    /// The most bytes of one request's inputs; no request of more is generated.
    static let maxBytes = 2 << 20
    /// Tried in this order for dimensions of any size after the first: small ones, then those of
    /// small images.
    static let freeDimensions: [Int64] = [2, 1, 5, 32, 64]

    /// The sizes of the dimensions that a signature leaves open.
    enum Sizes {
        /// The same size for each of them.
        case free(Int64)
        /// The sizes of another request.
        case like([InputTensor])
    }

    let signature: ModelSignature

    /// A request with every input that is not optional; nil if a shape does not fit, or the inputs
    /// would have more than ``maxBytes``.
    func request(_ style: SyntheticStyle, _ sizes: Sizes) -> [InputTensor]? {
        var elements = SyntheticElements(style)
        var inputs: [InputTensor] = []
        var left = Self.maxBytes
        for spec in signature.inputs where !spec.isOptional {
            guard let shape = Self.shape(of: spec, sizes),
                let count = TensorShape.elementCount(shape)
            else { return nil }
            let width = spec.type.byteCount ?? WarmUp.bytesElementBytes
            guard count <= left / width else { return nil }
            let bytes = elements.bytes(spec.type, count: count)
            left -= max(bytes.count, count * width)
            guard left >= 0 else { return nil }
            inputs.append(
                InputTensor(name: spec.name, type: spec.type, shape: shape, bytes: bytes)
            )
        }
        return inputs
    }

    /// One request of moderate values; nil if none is small enough.
    var moderate: [InputTensor]? { request(.moderate[0], .free(Self.freeDimensions[0])) }

    private static func shape(of spec: TensorSpec, _ sizes: Sizes) -> [Int64]? {
        var shape = spec.hasUnknownRank ? [1] : spec.shape
        switch sizes {
        case .free(let size):
            for index in shape.indices where shape[index] < 0 { shape[index] = size }
        case .like(let inputs):
            guard let like = inputs.first(where: { $0.name == spec.name }),
                like.shape.count == shape.count
            else { return nil }
            for index in shape.indices where shape[index] < 0 { shape[index] = like.shape[index] }
        }
        // A scalar has no rows, and a fixed first dimension stays.
        if spec.shape.first == -1 { shape[0] = 1 }
        return shape
    }
}
