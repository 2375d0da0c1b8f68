internal import Engine
internal import Text

/// The comparison of two runs of one request: they differ where a model draws random numbers.
struct DeterminismCheck {
    /// Processor time of the calling thread that a load may spend until the last request is
    /// repeated, in nanoseconds.
    static let budgetNs: UInt64 = 5_000_000_000

    let model: any InferenceModel
    private let deadlineNs: UInt64

    init(of model: any InferenceModel, budgetNs: UInt64 = Self.budgetNs) {
        self.model = model
        deadlineNs = ThreadTime.now + budgetNs
    }

    /// Whether there is time to repeat a run.
    var mayRepeat: Bool { ThreadTime.now < deadlineNs }

    /// The name, quoted, of the first output that differs between two runs; nil if none does.
    func varyingOutput(_ first: [OutputTensor], _ second: [OutputTensor]) -> String? {
        OutputComparison(tolerance: 0).difference(first, second)
    }

    /// Whether generated requests get the same answer twice. Those that the model refuses, or fails
    /// on, or for which there is no memory, say nothing.
    ///
    /// - Throws: The error of a run if the engine is not there.
    func isStable() throws(EngineError) -> Bool {
        for size in sizes {
            let requests = requests(size)
            var isAnswered = false
            for inputs in requests where mayRepeat {
                guard let first = try run(inputs), let second = try run(inputs) else { continue }
                if varyingOutput(first, second) != nil { return false }
                isAnswered = true
            }
            if isAnswered { return true }
        }
        return true
    }

    /// The sizes of free dimensions to try until the model answers a request; nil: the request of
    /// the warm-up. Where values decide how long a run takes, no other is tried.
    private var sizes: [Int64?] {
        model.resources.timeDependsOnValues ? [nil] : SyntheticInputs.freeDimensions + [nil]
    }

    private func requests(_ size: Int64?) -> [[InputTensor]] {
        guard let size else { return WarmUp(of: model.signature).firstRequest.map { [$0] } ?? [] }
        let synthetic = SyntheticInputs(signature: model.signature)
        return SyntheticStyle.moderate.compactMap { synthetic.request($0, .free(size)) }
    }

    private func run(_ inputs: [InputTensor]) throws(EngineError) -> [OutputTensor]? {
        do {
            return try model.run(inputs, outputs: [], stop: nil)
        } catch {
            switch error.code {
            case .invalidInput, .runtimeFailed, .outOfMemory: return nil
            case .invalidModel, .unsupported, .terminated, .overTime, .processEnded, .processLost,
                .unavailable:
                throw error
            }
        }
    }
}
