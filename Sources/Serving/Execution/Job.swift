internal import Engine
internal import Synchronization
internal import Text

/// A request with its version and its place in the queue.
final class Job: Sendable {
    let request: PredictionRequest
    let slot: Slot
    let admission: Admission
    let queuedAt: ContinuousClock.Instant
    /// Takes the request again when its caller has room for its result; nil: nothing does.
    let host: ModelHost?
    /// How long the version took to load for it; 0 when it was there.
    let loadNs: UInt64
    /// Its rows if it may share a run; nil: it runs by itself.
    let mergeableRows: Int?
    /// Whether it runs for the first time.
    let attempt: Attempt
    /// Its part of the queue's work: its first dimension, at least 1. A shape without elements may
    /// have any first dimension, so it is no more than the bytes that the request keeps.
    let rows: Int
    /// Its weight in the shares of its principal, in bytes: at least a place's part of the
    /// bytes that a queue takes, so that requests of a few bytes count where places are few.
    let charge: Int
    /// Its ticket in ``WaitingShares``. Relaxed: only written and read under the lock of these.
    let ticket = Atomic(noTicket)

    /// It has no ticket.
    static var noTicket: Int { -1 }

    /// The runs that a request may have: its first one, and one more if that ended for a reason
    /// that may lie in another request.
    enum Attempt: Equatable {
        case first
        /// It runs again, without company; if it is exclusive, no other run of its version goes on
        /// meanwhile, so that an end of the process is its own doing.
        case second(isExclusive: Bool)
    }

    init(
        request: PredictionRequest,
        slot: Slot,
        admission: Admission,
        loadNs: UInt64,
        placeBytes: Int = 1,
        host: ModelHost? = nil
    ) {
        self.request = request
        self.slot = slot
        self.admission = admission
        self.host = host
        queuedAt = .now
        self.loadNs = loadNs
        attempt = .first
        mergeableRows = slot.mergeableRows(of: request.inputs)
        self.rows = max(min(Int(clamping: request.rows), request.heldBytes), 1)
        charge = max(request.heldBytes, placeBytes)
    }

    /// The second run of a request, which keeps its place.
    init(again first: Job, isExclusive: Bool) {
        request = first.request
        slot = first.slot
        admission = first.admission
        host = first.host
        queuedAt = first.queuedAt
        loadNs = first.loadNs
        attempt = .second(isExclusive: isExclusive)
        mergeableRows = nil
        rows = first.rows
        charge = first.charge
    }

    /// Whether no other run of its version may go on beside its own.
    var isExclusive: Bool { attempt == .second(isExclusive: true) }

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

    /// The error of a run of this request. A run that was stopped was so by its limit, by the
    /// caller's deadline or by the caller.
    func failure(for error: EngineError) -> ServingError {
        switch error.code {
        case .overTime: overTime
        case .terminated where isExpired: .expired
        default: ServingError(engine: error)
        }
    }

    /// The error of a run that reached its limit of time.
    var overTime: ServingError {
        ServingError(
            .deadlineExceeded,
            "the run took longer than its limit of \(slot.runNs / 1_000_000_000) s"
        )
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

    /// Gives the place back and answers. The place is free before the answer is out: a caller may
    /// send its next request at once.
    func finish(_ result: Result<Prediction, ServingError>) {
        leave()
        answer(result)
    }

    /// Gives the place back if its caller has no room for the result, which was found to be larger
    /// since the request was queued; the request is queued again when there is room.
    func leavesForRoom() -> Bool {
        guard let host, !slot.hasRoom(for: request) else { return false }
        leave()
        host.wait(request, for: slot)
        return true
    }

    /// Gives the place back; the other half of ``answer(_:)``.
    func leave() { admission.leave(bytes: request.heldBytes) }

    /// Answers a request whose run goes on and keeps its bytes, and with them its place.
    func answer(_ result: Result<Prediction, ServingError>) { request.completion(result) }
}

extension ServingError {
    /// The error of a request that waited for a run to end that goes on past its limit.
    static func held(_ job: Job, retryAfterNs: UInt64) -> ServingError {
        exhausted(
            "the queue of model \(quoted(job.request.model)) stands still: runs of it go on past "
                + "their limit of \(job.slot.runNs / 1_000_000_000) s and hold all executors that "
                + "one model may have",
            retryAfterNs: retryAfterNs
        )
    }
}
