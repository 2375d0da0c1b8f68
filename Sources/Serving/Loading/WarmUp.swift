internal import Engine

/// The one run of a version whose bundle has no golden requests, on inputs made from its signature:
/// what a model does at its first run alone is done before a caller waits for it, and an engine
/// that is short of memory is found out.
struct WarmUp: Sendable {
    /// Bytes that the inputs may take; a model that wants more goes live without the run.
    static let maxInputBytes = 64 << 20
    /// What an empty BYTES element counts for: a runtime keeps an object of about that size.
    static let bytesElementBytes = 32

    /// Every input of the signature: free dimensions are 1, elements 0 or empty.
    let inputs: [InputTensor]

    /// Makes the request; nil if its inputs would take more than ``maxInputBytes``.
    init?(of signature: ModelSignature) {
        var inputs: [InputTensor] = []
        var left = Self.maxInputBytes
        for spec in signature.inputs {
            let shape = spec.shape.map { $0 < 0 ? 1 : $0 }
            guard let elements = TensorShape.elementCount(shape) else { return nil }
            let cost = elements * (spec.type.byteCount ?? Self.bytesElementBytes)
            guard cost <= left else { return nil }
            left -= cost
            // Zeros are an empty BYTES element too: the length of nothing.
            let byteCount = elements * (spec.type.byteCount ?? BytesElements.prefixBytes)
            inputs.append(
                InputTensor(
                    name: spec.name,
                    type: spec.type,
                    shape: shape,
                    bytes: [UInt8](repeating: 0, count: byteCount)
                )
            )
        }
        self.inputs = inputs
    }

    /// Runs it. That a model refuses these values, or fails on them, says nothing of the values
    /// that callers send.
    /// - Throws: whatever else the run throws.
    func run(on model: any InferenceModel) throws(EngineError) {
        do {
            _ = try model.run(inputs, outputs: [], stop: nil)
        } catch {
            switch error.code {
            case .invalidInput, .runtimeFailed: return
            case .invalidModel, .unsupported, .terminated, .outOfMemory, .unavailable:
                throw error
            }
        }
    }
}
