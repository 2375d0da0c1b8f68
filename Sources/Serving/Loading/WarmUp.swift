internal import Engine

/// The runs of a version whose bundle has no golden requests, on inputs made from its signature:
/// what a model does at its first run alone is done before a caller waits for it, an engine that is
/// short of memory is found out, and so is a model that cannot run at all.
struct WarmUp: Sendable {
    /// Bytes that the inputs of one run may take; a run that needs more is left out.
    static let maxInputBytes = 64 << 20
    /// What an empty BYTES element counts for: a runtime keeps an object of about that size.
    static let bytesElementBytes = 32

    /// The values of one run.
    struct Attempt: Sendable {
        /// The size of free dimensions after the first, which is 1.
        let freeDimension: Int64
        /// Whether elements are 1, or the text "1", in place of 0 and the empty text.
        let isOnes: Bool
    }

    /// Made in this order until one passes: most models take the first. Divisors must not be 0, and
    /// convolutions need some width.
    static let attempts = [
        Attempt(freeDimension: 1, isOnes: false), Attempt(freeDimension: 1, isOnes: true),
        Attempt(freeDimension: 16, isOnes: true), Attempt(freeDimension: 224, isOnes: true),
    ]

    private let signature: ModelSignature

    /// Prepares the runs of a model.
    init(of signature: ModelSignature) {
        self.signature = signature
    }

    /// The inputs of the first run; nil if none can be made.
    var firstRequest: [InputTensor]? { request(Self.attempts[0]) }

    /// Runs the model until a run passes. A model may refuse some of these values, or fail on them,
    /// and take those that callers send.
    ///
    /// - Parameters:
    ///   - omitted: Attempts that count as failed and are not made.
    ///   - reached: Called before each attempt, with its index in ``attempts``.
    /// - Returns: Why the first run failed, if all did; nil if one passed, or none could be made.
    /// - Throws: Errors that say nothing of the model: memory that is short, an engine that stops.
    func run(
        on model: any InferenceModel,
        omitted: OmittedRuns = OmittedRuns(),
        reached: (_ attempt: Int) -> Void = { _ in }
    ) throws(EngineError) -> String? {
        var firstFailure: String?
        for (index, attempt) in Self.attempts.enumerated() {
            if let failure = omitted.warmUps[index] {
                firstFailure = firstFailure ?? failure
                continue
            }
            guard let inputs = request(attempt) else { continue }
            reached(index)
            do {
                _ = try model.run(inputs, outputs: [], stop: nil)
                return nil
            } catch {
                switch error.code {
                case .invalidInput, .runtimeFailed: firstFailure = firstFailure ?? error.message
                case .invalidModel, .unsupported, .terminated, .overTime, .processEnded,
                    .processLost,
                    .outOfMemory, .unavailable:
                    throw error
                }
            }
        }
        return firstFailure
    }

    /// The inputs of a run, those left out that are optional.
    ///
    /// - Returns: nil if they would take more than ``maxInputBytes``, or would be those of an
    ///   earlier run.
    func request(_ attempt: Attempt) -> [InputTensor]? {
        let specs = signature.inputs.filter { !$0.isOptional }
        guard attempt.freeDimension == 1 || specs.contains(where: Self.hasFreeWidth) else {
            return nil
        }
        var inputs: [InputTensor] = []
        var left = Self.maxInputBytes
        for spec in specs {
            let shape = Self.shape(of: spec, attempt)
            guard let count = TensorShape.elementCount(shape) else { return nil }
            let cost = count * (spec.type.byteCount ?? Self.bytesElementBytes)
            guard cost <= left else { return nil }
            left -= cost
            inputs.append(
                InputTensor(
                    name: spec.name,
                    type: spec.type,
                    shape: shape,
                    bytes: Self.bytes(spec.type, count: count, attempt)
                )
            )
        }
        return inputs
    }

    private static func hasFreeWidth(_ spec: TensorSpec) -> Bool {
        spec.shape.dropFirst().contains { $0 < 0 }
    }

    private static func shape(of spec: TensorSpec, _ attempt: Attempt) -> [Int64] {
        if spec.hasUnknownRank { return [1] }
        return spec.shape.enumerated().map { index, size in
            guard size < 0 else { return size }
            return index == 0 ? 1 : attempt.freeDimension
        }
    }

    private static func bytes(_ type: ElementType, count: Int, _ attempt: Attempt) -> [UInt8] {
        guard attempt.isOnes else {
            // Zeros are an empty BYTES element too: the length of nothing.
            let width = type.byteCount ?? BytesElements.prefixBytes
            return [UInt8](repeating: 0, count: count * width)
        }
        let one = one(type)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count * one.count)
        for _ in 0..<count { bytes += one }
        return bytes
    }

    /// 1, little-endian.
    private static func one(_ type: ElementType) -> [UInt8] {
        switch type {
        case .bool, .uint8, .int8: [1]
        case .uint16, .int16: [1, 0]
        case .uint32, .int32: [1, 0, 0, 0]
        case .uint64, .int64: [1, 0, 0, 0, 0, 0, 0, 0]
        case .fp16: [0, 0x3C]
        case .bf16: [0x80, 0x3F]
        case .fp32: [0, 0, 0x80, 0x3F]
        case .fp64: [0, 0, 0, 0, 0, 0, 0xF0, 0x3F]
        case .bytes: [1, 0, 0, 0, UInt8(ascii: "1")]
        }
    }
}
