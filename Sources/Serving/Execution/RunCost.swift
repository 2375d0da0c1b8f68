internal import Engine
internal import Synchronization

/// How long a version's runs take: a part that each run has, and one that each row adds.
///
/// It decides two things. What costs less than a hop to another thread does without one. And what
/// would be little beside the fixed part of a run waits for one that is about to end, in place of a
/// run of its own: the fixed part is paid once, and the processor has time for others.
final class RunCost: Sendable {
    /// A run of that many times what was measured has shown that the time depends on more than the
    /// number of rows: the version does not run on a loop any more.
    private static let surprise: UInt64 = 20
    /// Runs that are measured in processor time after one that took surprisingly long: whoever
    /// shares the processor may have caused that, and then says nothing of the model.
    private static let suspectedRuns = 10_000
    /// Runs that are made to find out what one takes.
    private static let runs = 8
    /// As many where nothing depends on how long it is just so.
    private static let fewRuns = 3
    /// Rows of the batch that shows what a row adds.
    private static let batchRows = 16
    /// What runs usually take of a processor that others wait for, in nanoseconds.
    static let briefNs: UInt64 = 500_000
    /// Rows that are worth a run beside another cost so many times what each run does.
    private static let worth: UInt64 = 4
    /// A run's weight in what they usually take is one in so many.
    private static let fading: UInt64 = 8

    /// A part that each run has, and one that each row adds, in nanoseconds.
    struct Parts: Sendable {
        var runNs: UInt64 = 0
        var rowNs: UInt64

        /// What a run of so many rows takes; nil if that is no number.
        func estimate(rows: Int) -> UInt64? {
            guard let sum = rowsAlone(rows)?.addingReportingOverflow(runNs), !sum.overflow else {
                return nil
            }
            return sum.partialValue
        }

        /// What so many rows add to a run; nil if that is no number.
        func rowsAlone(_ rows: Int) -> UInt64? {
            let product = rowNs.multipliedReportingOverflow(by: UInt64(rows))
            return product.overflow ? nil : product.partialValue
        }
    }

    /// What a run on a loop may take, in nanoseconds.
    private let limitNs: UInt64
    /// Of the dearest request that is known; nil: nothing is.
    private let dearest: Parts?
    /// Of the cheapest one: in no other is the part of the run so large beside that of the row.
    private let cheapest: Parts?
    /// The most bytes of a row that were measured; nil: every row has the same size, and no request
    /// another input.
    private let maxRowBytes: Int?
    /// Whether it may run on loops. Relaxed: it orders no memory.
    private let isForLoops: Atomic<Bool>
    /// Runs that are still to be measured in processor time.
    private let suspicion = Atomic(0)
    /// What a run on an executor usually takes of its processor, in nanoseconds; 0: not known.
    /// Relaxed: it is a measurement and orders no memory.
    private let usualNs = Atomic<UInt64>(0)

    /// A version's cost.
    /// - Parameters:
    ///   - dearest: What the dearest request takes that is known; nil: nothing is known.
    ///   - cheapest: What the cheapest one takes.
    ///   - maxRowBytes: The most bytes of a row for which that holds; nil: rows of any size.
    ///   - limitNs: What a run on a loop may take; 0: none runs there.
    private init(dearest: Parts?, cheapest: Parts?, maxRowBytes: Int? = nil, limitNs: UInt64) {
        self.dearest = dearest
        self.cheapest = cheapest
        self.maxRowBytes = maxRowBytes
        self.limitNs = limitNs
        isForLoops = Atomic(dearest != nil && limitNs > 0)
    }

    /// The cost of a version whose requests all take the same.
    convenience init(
        runNs: UInt64 = 0,
        rowNs: UInt64,
        maxRowBytes: Int? = nil,
        limitNs: UInt64 = 0
    ) {
        let parts = Parts(runNs: runNs, rowNs: rowNs)
        self.init(
            dearest: parts,
            cheapest: parts,
            maxRowBytes: maxRowBytes,
            limitNs: limitNs
        )
    }

    /// The cost of a version of which nothing is known.
    convenience init() {
        self.init(dearest: nil, cheapest: nil, limitNs: 0)
    }

    /// Runs a model a few times on requests that it is known to take, unless nothing runs on loops.
    convenience init(
        measuring model: any InferenceModel,
        on requests: [[InputTensor]],
        plan: BatchPlan,
        limitNs: UInt64
    ) {
        // What values may make endless says nothing of its next run by its last ones.
        guard limitNs > 0, !model.resources.timeDependsOnValues,
            let known = Self.known(requests, model.signature),
            let measured = Self.measure(model, on: known, plan, limitNs)
        else {
            self.init()
            return
        }
        let isFixed = Self.rowsAreOfFixedSize(model.signature)
        self.init(
            dearest: measured.dearest,
            cheapest: measured.cheapest,
            maxRowBytes: isFixed ? nil : known.map(Self.rowBytes).max(),
            limitNs: limitNs
        )
    }

    /// The requests to measure: one of moderate values where the bundle has none.
    ///
    /// - Returns: nil if none can be made.
    private static func known(
        _ requests: [[InputTensor]],
        _ signature: ModelSignature
    ) -> [[InputTensor]]? {
        guard requests.isEmpty else { return requests }
        return SyntheticInputs(signature: signature).moderate.map { [$0] }
    }

    /// Whether the number of rows alone decides how many bytes a request has.
    private static func rowsAreOfFixedSize(_ signature: ModelSignature) -> Bool {
        signature.inputs.allSatisfy { spec in
            spec.type != .bytes && !spec.isOptional && !spec.hasUnknownRank
                && spec.shape.dropFirst().allSatisfy { $0 >= 0 }
        }
    }

    /// The bytes of a row of a request, rounded up.
    private static func rowBytes(_ inputs: [InputTensor]) -> Int {
        let rows = BatchShape.rows(of: inputs) ?? 1
        let (quotient, rest) = byteCount(inputs).quotientAndRemainder(dividingBy: rows)
        return rest == 0 ? quotient : quotient + 1
    }

    private static func byteCount(_ inputs: [InputTensor]) -> Int {
        inputs.reduce(0) { $0 + $1.bytes.byteCount }
    }

    /// The time may depend on the values: both ends are looked for.
    /// - Returns: nil if the model refuses.
    private static func measure(
        _ model: any InferenceModel,
        on known: [[InputTensor]],
        _ plan: BatchPlan,
        _ limitNs: UInt64
    ) -> (dearest: Parts, cheapest: Parts)? {
        var dearest = Parts(rowNs: 1)
        var cheapest: (inputs: [InputTensor], ns: UInt64, parts: Parts)?
        for inputs in known {
            guard let ns = best(model, inputs, enoughNs: limitNs),
                let parts = parts(of: ns, model, inputs, ns <= limitNs ? plan : .alone(""))
            else { return nil }
            dearest.runNs = max(dearest.runNs, parts.runNs)
            dearest.rowNs = max(dearest.rowNs, parts.rowNs)
            if ns < cheapest?.ns ?? .max { cheapest = (inputs, ns, parts) }
        }
        guard let cheapest else { return nil }
        // Measured already; or not brief: nobody waits for it, and a load has no time for more runs.
        guard cheapest.ns > limitNs, cheapest.ns <= briefNs else {
            return (dearest, cheapest.parts)
        }
        guard let ns = best(model, cheapest.inputs, enoughNs: briefNs, runs: fewRuns),
            let parts = parts(of: ns, model, cheapest.inputs, plan, runs: fewRuns)
        else { return nil }
        return (dearest, parts)
    }

    /// Splits what a request takes, by running some of it together where a plan does so.
    private static func parts(
        of alone: UInt64,
        _ model: any InferenceModel,
        _ inputs: [InputTensor],
        _ plan: BatchPlan,
        runs: Int = runs
    ) -> Parts? {
        let rows = UInt64(clamping: BatchShape.rows(of: inputs) ?? 1)
        let copies = min(plan.maxRows, batchRows) / Int(rows)
        guard plan.isMerged, inputs.count == model.signature.requiredInputCount, copies > 1 else {
            return Parts(rowNs: alone / rows)
        }
        let batch = GatheredBatch(
            [[InputTensor]](repeating: inputs, count: copies),
            inParts: model.copiesInputs
        )
        guard let together = best(model, batch.inputs, enoughNs: .max, runs: runs) else {
            return nil
        }
        let added = together > alone ? together - alone : 0
        let rowNs = min(alone / rows, added / (UInt64(copies - 1) * rows))
        return Parts(runNs: alone - rowNs * rows, rowNs: max(rowNs, 1))
    }

    /// The fastest of a few runs, in nanoseconds; nil if the model refuses.
    /// - Parameter enoughNs: One run that takes longer is enough.
    private static func best(
        _ model: any InferenceModel,
        _ inputs: [InputTensor],
        enoughNs: UInt64,
        runs: Int = runs
    ) -> UInt64? {
        let threads = UInt64(clamping: model.resources.threads)
        var best = UInt64.max
        for _ in 0..<runs {
            let start = ThreadTime.now
            guard (try? model.run(inputs, outputs: [], stop: nil)) != nil else { return nil }
            let time = (ThreadTime.now - start) * threads
            best = min(best, time)
            if time > enoughNs { break }
        }
        return best
    }

    /// What so many rows add to a loop's work, in nanoseconds; nil if they are not for a loop.
    /// - Parameter isFirst: Whether they need a run of their own; else they join one.
    func onLoop(rows: Int, isFirst: Bool) -> UInt64? {
        guard isForLoops.load(ordering: .relaxed), let dearest else { return nil }
        guard isFirst else { return dearest.rowsAlone(rows) }
        return dearest.estimate(rows: rows).flatMap { $0 <= limitNs ? $0 : nil }
    }

    /// Whether the measured time holds for a request: its rows have no more bytes than those that
    /// were measured.
    func holds(for inputs: [InputTensor], rows: Int) -> Bool {
        guard let maxRowBytes else { return true }
        let limit = maxRowBytes.multipliedReportingOverflow(by: rows)
        return limit.overflow || Self.byteCount(inputs) <= limit.partialValue
    }

    /// Whether runs usually end so soon that others can wait for one that is under way.
    var isBrief: Bool { (1...Self.briefNs).contains(usualNs.load(ordering: .relaxed)) }

    /// Whether so many rows are worth a run beside one that is about to end: beside what they cost
    /// by themselves the part that each run has is small.
    func isWorthRun(rows: Int) -> Bool {
        guard let cheapest else { return true }
        return cheapest.rowsAlone(rows).map { $0 / Self.worth >= cheapest.runNs } ?? true
    }

    /// A run that has begun.
    struct Stopwatch {
        let isOnLoop: Bool
        let isProcessorTime: Bool
        fileprivate let startNs: UInt64
    }

    /// Starts the watch of a run.
    func begin(onLoop isOnLoop: Bool) -> Stopwatch {
        let isProcessorTime = !isOnLoop || suspicion.load(ordering: .relaxed) > 0
        return Stopwatch(
            isOnLoop: isOnLoop,
            isProcessorTime: isProcessorTime,
            startNs: isProcessorTime ? ThreadTime.now : Uptime.ns
        )
    }

    /// Notes that a run has ended.
    func end(_ watch: Stopwatch, rows: Int) {
        let took = (watch.isProcessorTime ? ThreadTime.now : Uptime.ns) - watch.startNs
        if watch.isOnLoop {
            ranOnLoop(rows: rows, took: took, ofProcessor: watch.isProcessorTime)
        } else {
            ran(took: took)
        }
    }

    /// Notes what a run on an executor took of its processor, in nanoseconds.
    func ran(took ns: UInt64) {
        let usual = usualNs.load(ordering: .relaxed)
        let mean = usual == 0 ? ns : usual - usual / Self.fading + ns / Self.fading
        usualNs.store(max(mean, 1), ordering: .relaxed)
    }

    /// Notes what a run on a loop took, in nanoseconds.
    /// - Parameter ofProcessor: Whether that is processor time; else time of the clock.
    func ranOnLoop(rows: Int, took ns: UInt64, ofProcessor: Bool) {
        guard let expected = dearest?.estimate(rows: rows) else { return }
        let isSurprise = ns > max(expected, limitNs) * Self.surprise
        switch (isSurprise, ofProcessor) {
        case (true, true): isForLoops.store(false, ordering: .relaxed)
        case (true, false): suspicion.store(Self.suspectedRuns, ordering: .relaxed)
        case (false, true): suspicion.subtract(1, ordering: .relaxed)
        case (false, false): break
        }
    }
}
