internal import Dispatch
package import Engine
package import Registry
internal import Synchronization

/// One loaded version. Requests hold the slot that they were given, so a swap never takes a model
/// from under a running request: the last holder frees it.
package final class Slot: Sendable {
    /// Which version it is.
    package let id: VersionID
    /// Its card.
    package let card: Card
    /// What runs it.
    package let model: any InferenceModel
    /// Whether requests to it run together.
    package let plan: BatchPlan
    /// Whether two runs of one request give the same answer, as far as its load could see.
    package let isDeterministic: Bool
    /// What a run was seen to take.
    let cost: RunCost
    /// How large its results are.
    let results: ResultSize
    /// How fast its queue empties: threads, and the turns of other versions, included.
    let drain = WorkRate()
    /// How long its runs on executors last.
    let runs = WorkRate()
    /// The threads that run a version in an engine host of its own; nil: it runs in the server's
    /// process, on the threads of all.
    let executors: Executors?
    /// The limit of time of one run, in nanoseconds.
    let runNs: UInt64
    /// Counts its requests and runs.
    let meter: VersionMeter
    /// As of its signature.
    private let requiredInputCount: Int
    /// Why every run on synthetic inputs failed; nil if one passed, or the bundle has golden
    /// requests.
    let warmUpFailure: String?
    /// Plaintext bytes of its files.
    private let byteCount: UInt64
    /// Where it runs, and why.
    package let isolation: SlotIsolation
    /// The thread in whose heap the model lies; nil: it is not known, or lies in a host.
    private let thread: LastingThread?
    /// When it became ready, in milliseconds of the Unix epoch.
    package let readySinceUnixMs: Int64
    // Relaxed: it only orders versions by age, and orders no other memory.
    private let lastUseNs = Atomic<UInt64>(0)

    init(
        id: VersionID,
        card: Card,
        model: any InferenceModel,
        plan: BatchPlan,
        isDeterministic: Bool = true,
        cost: RunCost = RunCost(),
        executors: Executors? = nil,
        runSeconds: Int = ServingLimits().runSeconds,
        meter: VersionMeter? = nil,
        byteCount: UInt64 = 0,
        isolation: SlotIsolation = .server,
        loadedOn thread: LastingThread? = nil,
        warmUpFailure: String? = nil
    ) {
        self.id = id
        self.card = card
        self.model = model
        self.plan = plan
        self.isDeterministic = isDeterministic
        requiredInputCount = model.signature.requiredInputCount
        self.cost = cost
        results = ResultSize(outputs: model.signature.outputs, rows: model.rowAnalysis)
        self.executors = executors
        runNs = UInt64(runSeconds) * 1_000_000_000
        self.meter = meter ?? VersionMeter(id)
        self.byteCount = byteCount
        self.isolation = isolation
        self.warmUpFailure = warmUpFailure
        self.thread = thread
        readySinceUnixMs = WallClock.system.nowUnixMs
        self.meter.loaded(byteCount)
        markUsed()
    }

    /// The last reference may be dropped on the request path: the model is freed on a queue of its
    /// own, and the allocator is asked to give the memory back to the system.
    deinit {
        executors?.stop()
        Disposal.shared.take(
            model,
            meter: meter,
            bytes: byteCount,
            isHosted: isolation.isHosted,
            loadedOn: thread
        )
    }

    /// The rows of a request that may share a run; nil: it runs alone. A request with an optional
    /// input does, which is one tensor for all rows of a run, and so does one with a NaN.
    func mergeableRows(of inputs: [InputTensor]) -> Int? {
        guard plan.isMerged, inputs.count == requiredInputCount,
            !inputs.contains(where: \.holdsNaN)
        else { return nil }
        return BatchShape.rows(of: inputs).flatMap { $0 < plan.maxRows ? $0 : nil }
    }

    /// Whether the caller has room for the result of a request.
    func hasRoom(for request: PredictionRequest) -> Bool {
        request.room?.reserve(resultBytes: resultBytes(of: request)) ?? true
    }

    /// The bytes that the reply of a request is expected to have.
    func resultBytes(of request: PredictionRequest) -> Int {
        let expected = results.expected(for: request)
        let sum = expected.addingReportingOverflow(ServingLimits.resultHeadBytes)
        return sum.overflow ? .max : sum.partialValue
    }

    /// The ends of its engine hosts.
    var crashes: CrashGuard { meter.crashes }

    /// When it was last asked for by number, or stopped answering, in nanoseconds of a clock that
    /// never goes back.
    var lastUse: UInt64 { lastUseNs.load(ordering: .relaxed) }

    /// Notes that it was asked for by number, or stops answering.
    func markUsed() {
        lastUseNs.store(DispatchTime.now().uptimeNanoseconds, ordering: .relaxed)
    }
}
