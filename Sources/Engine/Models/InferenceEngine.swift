package import Text

/// Something that loads models and runs them.
///
/// Every call blocks for as long as the work takes: it belongs on threads made for that, not on an
/// event loop, nor on the Swift concurrency pool.
package protocol InferenceEngine: Sendable {
    /// The name by which a model's card asks for it.
    var name: String { get }

    /// Starts the threads that the engine itself needs, unless it has them: from a thread whose
    /// priority they are to inherit, before the process gives up new threads.
    ///
    /// - Returns: Whether the system had all of them.
    func startThreads() -> Bool

    /// Analyses a model's file without the runtime. The analysis is safe for any bytes.
    ///
    /// - Parameters:
    ///   - source: The model's files.
    ///   - growth: The most bytes of an intermediate for each byte of a request, in a model that
    ///     may run in the server's process.
    /// - Throws: `invalidModel`, or `unavailable` if the source cannot be read.
    func inspect(_ source: some ModelSource, growth: Int) throws(EngineError) -> ModelInspection

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

extension InferenceEngine {
    /// Starts none: an engine without threads of its own.
    package func startThreads() -> Bool { true }
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

    /// Runs the model once, with memory for outputs whose shapes are known before.
    ///
    /// An output that the model put into its place lies there, at the same address. The model may
    /// leave any place unused, and its content is then undefined. The default uses none.
    ///
    /// - Parameters:
    ///   - inputs: As for ``run(_:outputs:stop:)``.
    ///   - outputs: The outputs that are wanted, in this order; not empty.
    ///   - places: A place or nil for each of `outputs`. The memory must outlive the result.
    ///   - stop: As for ``run(_:outputs:stop:)``.
    func run(
        _ inputs: [InputTensor],
        outputs: [ExactString],
        into places: [OutputPlace?],
        stop: RunStop?
    ) throws(EngineError) -> [OutputTensor]

    /// Whether the model copies the bytes of its inputs, and takes them in parts
    /// (``TensorBytes/forEachPart(_:)``): joining them for it would be a second copy.
    var copiesInputs: Bool { get }
}

extension InferenceModel {
    package func run(
        _ inputs: [InputTensor],
        outputs: [ExactString],
        into places: [OutputPlace?],
        stop: RunStop?
    ) throws(EngineError) -> [OutputTensor] {
        try run(inputs, outputs: outputs, stop: stop)
    }

    package var copiesInputs: Bool { false }
}

/// What a loaded model costs.
package struct ModelResources: Sendable, Hashable {
    /// Bytes of the files that it was loaded from: the runtime holds at least about as much.
    package let modelBytes: Int
    /// Threads that one run may use, the caller's included.
    package let threads: Int
    /// Whether the values of inputs, and not their sizes alone, may decide how long a run takes:
    /// so for each model that is not safe in the server's process.
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
    /// The most bytes of an intermediate for each byte of a request in a model that counts as safe
    /// for any value; see ``InferenceEngine/inspect(_:growth:)``.
    package var growth: Int

    /// Makes options.
    package init(threads: Int = 1, growth: Int = EngineLimits.defaultGrowth) {
        self.threads = threads
        self.growth = growth
    }
}
