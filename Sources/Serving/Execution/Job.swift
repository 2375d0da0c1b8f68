internal import Engine

/// A request with its version and its place in the queue.
final class Job: Sendable {
    let request: PredictionRequest
    let slot: Slot
    let admission: Admission
    let queuedAt: ContinuousClock.Instant
    /// How long the version took to load for it; 0 when it was there.
    let loadNs: UInt64
    /// Its rows if it may share a run; nil: it runs by itself.
    let mergeableRows: Int?
    /// Its part of the queue's work: its first dimension, at least 1. A shape without elements may
    /// have any first dimension, so it is no more than the bytes that the request keeps.
    let rows: Int

    init(
        request: PredictionRequest,
        slot: Slot,
        admission: Admission,
        loadNs: UInt64
    ) {
        self.request = request
        self.slot = slot
        self.admission = admission
        queuedAt = .now
        self.loadNs = loadNs
        mergeableRows = slot.mergeableRows(of: request.inputs)
        self.rows = max(min(Int(clamping: request.rows), request.heldBytes), 1)
    }

    /// Whether two requests to one version may share a run.
    func agrees(with other: Job) -> Bool {
        request.outputNames == other.request.outputNames
            && BatchShape.agree(request.inputs, other.request.inputs)
    }

    /// Why it must not be run any more; nil: it may. The connection answers an expired call by
    /// itself, but its loop may be late.
    /// - Parameter neededNs: the time that must be left of its deadline.
    func lapse(neededNs: UInt64 = 0) -> ServingError? {
        if request.isCancelled() { return .cancelled }
        guard let deadline = request.deadlineNs else { return nil }
        let now = Uptime.ns
        return deadline <= now || deadline - now < neededNs ? .expired : nil
    }

    /// The error of a run of this request: a run that was ended is told by why it was.
    func failure(for error: EngineError) -> ServingError {
        error.code == .terminated && isExpired ? .expired : ServingError(engine: error)
    }

    private var isExpired: Bool { request.deadlineNs.map { $0 <= Uptime.ns } ?? false }

    /// Checks the request: a wrong one must not wait with others, nor be measured with them.
    /// - Throws: ``ServingError`` for a request that does not fit the model.
    func check() throws(ServingError) {
        do throws(EngineError) {
            try slot.model.signature.check(request.inputs)
            try slot.model.signature.check(outputs: request.outputNames)
        } catch {
            throw ServingError(engine: error)
        }
    }

    /// The place is free before the answer is out: who has it may ask again at once.
    func finish(_ result: Result<Prediction, ServingError>) {
        admission.leave(bytes: request.heldBytes)
        request.completion(result)
    }
}
