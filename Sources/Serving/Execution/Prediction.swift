package import Engine

/// Which version a request asks for.
package enum VersionSelector: Sendable, Equatable {
    case alias(String)
    case version(UInt64)
}

/// A request as serving sees it: tensors that lend their bytes, and a way to answer.
package struct PredictionRequest<Bytes: TensorBytes>: Sendable {
    package let model: String
    package let selector: VersionSelector
    package let inputs: [InputTensor<Bytes>]
    /// Empty: all outputs, in the model's order.
    package let outputNames: [String]
    /// Whether the answer is still wanted; asked before the model is run.
    package let isCancelled: @Sendable () -> Bool
    /// Called once, on any thread.
    package let completion: @Sendable (Result<Prediction, ServingError>) -> Void

    package init(
        model: String,
        selector: VersionSelector,
        inputs: [InputTensor<Bytes>],
        outputNames: [String],
        isCancelled: @escaping @Sendable () -> Bool,
        completion: @escaping @Sendable (Result<Prediction, ServingError>) -> Void
    ) {
        self.model = model
        self.selector = selector
        self.inputs = inputs
        self.outputNames = outputNames
        self.isCancelled = isCancelled
        self.completion = completion
    }

    /// Bytes of all inputs.
    var byteCount: Int { inputs.reduce(0) { $0 + $1.bytes.byteCount } }

    /// The first dimension of the first input; 1 for a scalar.
    var rows: UInt64 { UInt64(inputs.first?.shape.first ?? 1) }
}

/// What a run gave, and where its time went.
package struct Prediction: Sendable {
    package let version: UInt64
    package let outputs: [OutputTensor]
    package let rows: UInt64
    package let queueNs: UInt64
    package let computeNs: UInt64
    /// Waiting for the version to be loaded; 0 when it was.
    package let loadNs: UInt64
}
