internal import Engine
internal import Text

/// A run that was asked for, checked against the signature but for the data of its inputs.
struct RunOrder {
    let inputs: [InputTensor]
    /// For each input its index in the signature.
    let indices: [Int]
    /// Indices of the wanted outputs in the signature.
    let wanted: [Int]
    /// The wanted outputs.
    let specs: [TensorSpec]
    let rows: RowAnalysis
    let stop: RunStop?
    /// The time at which the run is over its limit, in nanoseconds of the monotonic clock.
    let endsAtNs: UInt64

    init(
        _ inputs: [InputTensor],
        outputs: [ExactString],
        of signature: ModelSignature,
        rows: RowAnalysis,
        stop: RunStop?
    ) throws(EngineError) {
        var check = try SignatureCheck(of: signature, tensors: inputs.count)
        var indices: [Int] = []
        indices.reserveCapacity(inputs.count)
        for input in inputs {
            indices.append(
                try check.take(
                    input.name,
                    input.type,
                    input.shape,
                    byteCount: input.bytes.byteCount
                )
            )
        }
        try check.finish()
        self.inputs = inputs
        self.indices = indices
        wanted = try signature.indices(ofOutputs: outputs)
        guard wanted.count <= EngineLimits.maxTensors else {
            throw EngineError(
                .unsupported,
                "the model has \(wanted.count) outputs, at most \(EngineLimits.maxTensors) are taken"
            )
        }
        specs = wanted.map { signature.outputs[$0] }
        self.rows = rows
        self.stop = stop
        endsAtNs =
            stop?.endsAtNs
            ?? MonotonicTime.nowNs + HostingLimits.defaultRunSeconds * 1_000_000_000
    }
}
