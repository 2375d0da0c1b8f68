package import Text

/// Something that loads models and runs them.
///
/// Every call blocks for as long as the work takes: it belongs on threads made for that, not on an
/// event loop, nor on the Swift concurrency pool.
package protocol InferenceEngine: Sendable {
    /// The name by which a model's card asks for it.
    var name: String { get }

    /// Loads a model.
    ///
    /// - Parameters:
    ///   - source: Where its bytes are. They may be given back when this call returns.
    ///   - options: How it is to run.
    /// - Returns: A model that is ready to run. Letting go of it frees what it holds.
    /// - Throws: `invalidModel`, `unsupported`, or `unavailable` if the source cannot be read or
    ///   memory runs out.
    func load(
        _ source: some ModelSource,
        options: LoadOptions
    ) throws(EngineError) -> any InferenceModel
}

/// A loaded model. Safe to run from several threads at once.
package protocol InferenceModel: AnyObject, Sendable {
    /// What it takes and what it gives.
    var signature: ModelSignature { get }

    /// What it costs to keep it loaded.
    var resources: ModelResources { get }

    /// Whether several requests may share one of its runs.
    var rowAnalysis: RowAnalysis { get }

    /// Runs the model once.
    ///
    /// The request is checked as by ``ModelSignature/check(_:)`` first.
    ///
    /// - Parameters:
    ///   - inputs: Every input of the signature once, in any order.
    ///   - outputs: The outputs that are wanted, in this order; empty for all, in the model's.
    ///   - stop: Ends the run early when told to; nil if nothing will.
    /// - Returns: The outputs.
    /// - Throws: `invalidInput`, `runtimeFailed`, `terminated`, or `unavailable` if memory runs out.
    func run(
        _ inputs: [InputTensor],
        outputs: [ExactString],
        stop: RunStop?
    ) throws(EngineError) -> [OutputTensor]
}

/// What a loaded model costs.
package struct ModelResources: Sendable, Hashable {
    /// Bytes of the files that it was loaded from: the runtime holds at least about as much.
    package let modelBytes: Int
    /// Threads that one run may use, the caller's included.
    package let threads: Int
    /// Whether the values of inputs, and not their sizes alone, may decide how long a run takes.
    package let timeDependsOnValues: Bool

    /// Makes a description.
    package init(modelBytes: Int, threads: Int, timeDependsOnValues: Bool) {
        self.modelBytes = modelBytes
        self.threads = threads
        self.timeDependsOnValues = timeDependsOnValues
    }
}

/// How a model is to run.
package struct LoadOptions: Sendable, Hashable {
    /// Threads that one run may use, the caller's included: 1 to ``EngineLimits/maxThreads``.
    /// With 1 the model has no thread of its own, which is best for small models and for many
    /// runs side by side.
    package var threads: Int

    /// Makes options.
    package init(threads: Int = 1) {
        self.threads = threads
    }
}
