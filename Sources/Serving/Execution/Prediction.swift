package import Engine
package import Metrics
package import Text

/// Which version a request asks for.
package enum VersionSelector: Sendable, Equatable {
    /// Whatever an alias answers with.
    case alias(String)
    /// This version, an alias or not.
    case version(UInt64)
}

/// A request as serving sees it: tensors that lend their bytes, and a way to answer.
package final class PredictionRequest: Sendable {
    /// The model's name.
    package let model: String
    /// Which version of it.
    package let selector: VersionSelector
    /// Its tensors, not yet checked against the model.
    package let inputs: [InputTensor]
    /// Empty: all outputs, in the model's order.
    package let outputNames: [ExactString]
    /// The connection of the request, which takes turns with the principal's others; nil: none.
    package let source: ObjectIdentifier?
    /// The number of the caller, who shares each queue with other callers; the same on all
    /// connections of one principal.
    package let principalNumber: UInt64
    /// The name of the caller, to which a crash of its input is charged; empty: not known.
    package let principal: String
    /// Bytes that the request keeps in memory until it is answered, at least its tensors': what
    /// they lie in too.
    package let heldBytes: Int
    /// Which goes first of those that wait: the higher, within ``RequestPriority/range``.
    package let priority: Int
    /// When the caller stops waiting, in nanoseconds of ``Uptime``, which is an event loop's clock;
    /// nil: never.
    package let deadlineNs: UInt64?
    /// Whether the answer is still wanted; asked before the model is run.
    package let isCancelled: @Sendable () -> Bool
    /// Registers what to do when the answer is no longer wanted: done once, on any thread, at once
    /// if that is so already. Nil: the run goes on whatever happens.
    package let onCancel: (@Sendable (@escaping @Sendable () -> Void) -> Void)?
    /// Called once the version is known that answers, or the model if that is all that is known of
    /// a request that fails, with what counts the request.
    package let onRouted: (@Sendable (CallMeter) -> Void)?
    /// The caller's room for the result; nil: there is no bound.
    package let room: (any ResultRoom)?
    /// Called once, on any thread.
    package let completion: @Sendable (Result<Prediction, ServingError>) -> Void

    /// Makes a request.
    /// - Parameter heldBytes: nil: no more than the tensors take.
    package init(
        model: String,
        selector: VersionSelector,
        inputs: [InputTensor],
        outputNames: [ExactString],
        source: ObjectIdentifier? = nil,
        principalNumber: UInt64 = 0,
        principal: String = "",
        heldBytes: Int? = nil,
        priority: Int = 0,
        deadlineNs: UInt64? = nil,
        isCancelled: @escaping @Sendable () -> Bool,
        onCancel: (@Sendable (@escaping @Sendable () -> Void) -> Void)? = nil,
        onRouted: (@Sendable (CallMeter) -> Void)? = nil,
        room: (any ResultRoom)? = nil,
        completion: @escaping @Sendable (Result<Prediction, ServingError>) -> Void
    ) {
        self.model = model
        self.selector = selector
        self.inputs = inputs
        self.outputNames = outputNames
        self.source = source
        self.principalNumber = principalNumber
        self.principal = principal
        let tensorBytes = inputs.reduce(0) { $0 + $1.bytes.byteCount }
        self.heldBytes = max(tensorBytes, heldBytes ?? 0)
        self.priority = priority
        self.deadlineNs = deadlineNs
        self.isCancelled = isCancelled
        self.onCancel = onCancel
        self.onRouted = onRouted
        self.room = room
        self.completion = completion
    }

    /// The first dimension of the first input; 1 for a scalar.
    var rows: UInt64 { UInt64(clamping: inputs.first?.shape.first ?? 1) }
}

/// What a run gave, and where its time went.
package struct Prediction: Sendable {
    /// The version that answered.
    package let version: UInt64
    /// Its outputs, in the order in which they were asked for.
    package let outputs: [OutputTensor]
    /// The first dimension of the first input; 1 for a scalar.
    package let rows: UInt64
    /// The rows of the run that gave the answer, those of its company included.
    package let batchRows: UInt64
    /// From the queue to the run, in nanoseconds.
    package let queueNs: UInt64
    /// The run, in nanoseconds.
    package let computeNs: UInt64
    /// The request's part of the run, by rows, in nanoseconds.
    package let ownComputeNs: UInt64
    /// Waiting for the version to be loaded; 0 when it was.
    package let loadNs: UInt64
}
