internal import Engine
internal import Glibc
internal import Synchronization

/// How long a version's runs take, so that what costs less than a hop to another thread can do
/// without one: a part that each run has, and one that each row adds.
final class RunCost: Sendable {
    /// A run of that many times what was measured has shown that the time depends on more than the
    /// number of rows: the version does not run on a loop any more.
    private static let surprise: UInt64 = 20
    /// Runs that are measured in processor time after one that took surprisingly long: whoever
    /// shares the processor may have caused that, and then says nothing of the model.
    private static let suspectedRuns = 10_000
    private static let runs = 8
    /// Rows of the batch that shows what a row adds.
    private static let batchRows = 16

    /// What a run on a loop may take, in nanoseconds.
    private let limitNs: UInt64
    /// Nanoseconds of each row.
    private let rowNs: UInt64
    /// Nanoseconds of each run, without its rows.
    private let runNs: UInt64
    /// Whether the two say anything. Relaxed: it orders no memory.
    private let isKnown: Atomic<Bool>
    /// Runs that are still to be measured in processor time.
    private let suspicion = Atomic(0)

    /// A version's cost that is known.
    /// - Parameters:
    ///   - runNs: Nanoseconds of each run, without its rows.
    ///   - rowNs: Nanoseconds of each row.
    ///   - limitNs: What a run on a loop may take; 0: none runs there.
    init(runNs: UInt64 = 0, rowNs: UInt64, limitNs: UInt64) {
        self.runNs = runNs
        self.rowNs = rowNs
        self.limitNs = limitNs
        isKnown = Atomic(true)
    }

    /// The cost of a version that does not run on loops.
    init() {
        runNs = 0
        rowNs = 0
        limitNs = 0
        isKnown = Atomic(false)
    }

    /// Runs a model a few times on requests that it is known to take.
    convenience init(
        measuring model: any InferenceModel,
        on requests: [[InputTensor]],
        plan: BatchPlan,
        limitNs: UInt64
    ) {
        // What values may make endless says nothing of its next run by its last ones.
        let isForLoops = limitNs > 0 && !model.resources.timeDependsOnValues
        let cost = isForLoops ? Self.measure(model, on: requests, plan, limitNs) : nil
        guard let cost else {
            self.init()
            return
        }
        self.init(runNs: cost.runNs, rowNs: cost.rowNs, limitNs: limitNs)
    }

    /// The dearest of all of them: the time may depend on the values.
    private static func measure(
        _ model: any InferenceModel,
        on requests: [[InputTensor]],
        _ plan: BatchPlan,
        _ limitNs: UInt64
    ) -> (runNs: UInt64, rowNs: UInt64)? {
        let known = requests.isEmpty ? MadeUpRows.requests(1, for: model.signature) : requests
        var dearest: (runNs: UInt64, rowNs: UInt64)?
        for inputs in known {
            guard let alone = best(model, inputs, limitNs) else { return nil }
            let rows = UInt64(clamping: BatchShape.rows(of: inputs) ?? 1)
            var rowNs = alone / rows
            let copies = min(plan.maxRows, batchRows) / Int(rows)
            if plan.isMerged, alone <= limitNs, copies > 1 {
                let batch = GatheredBatch(
                    [[InputTensor]](repeating: inputs, count: copies)
                )
                guard let together = best(model, batch.inputs, .max) else { return nil }
                let added = together > alone ? together - alone : 0
                rowNs = min(rowNs, added / (UInt64(copies - 1) * rows))
            }
            let runNs = alone - rowNs * rows
            dearest = (max(dearest?.runNs ?? 0, runNs), max(dearest?.rowNs ?? 0, rowNs))
        }
        return dearest.map { ($0.runNs, max($0.rowNs, 1)) }
    }

    /// The fastest of a few runs, in nanoseconds; nil if the model refuses.
    private static func best(
        _ model: any InferenceModel,
        _ inputs: [InputTensor],
        _ limitNs: UInt64
    ) -> UInt64? {
        let threads = UInt64(clamping: model.resources.threads)
        var best = UInt64.max
        for _ in 0..<runs {
            let start = ThreadTime.now
            guard (try? model.run(inputs, outputs: [], stop: nil)) != nil else { return nil }
            let time = (ThreadTime.now - start) * threads
            best = min(best, time)
            // Far from a loop: once is enough.
            if time > limitNs { break }
        }
        return best
    }

    /// The processor time of the calling thread, in nanoseconds: what it waits is not in it, since
    /// the measurement is made on a thread that gives way to all others.
    private enum ThreadTime {
        static var now: UInt64 {
            var time = timespec()
            guard unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time) == 0 else { return 0 }
            return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
        }
    }

    /// What so many rows add to a loop's work, in nanoseconds; nil if they are not for a loop.
    /// - Parameter isFirst: Whether they need a run of their own; else they join one.
    func onLoop(rows: Int, isFirst: Bool) -> UInt64? {
        guard isKnown.load(ordering: .relaxed) else { return nil }
        guard isFirst else {
            let (product, overflow) = rowNs.multipliedReportingOverflow(by: UInt64(rows))
            return overflow ? nil : product
        }
        guard let ns = estimate(rows: rows), ns <= limitNs else { return nil }
        return ns
    }

    /// A run on a loop that begins.
    struct Stopwatch {
        let isProcessorTime: Bool
        fileprivate let startNs: UInt64
    }

    /// Starts the watch of a run on a loop.
    func begin() -> Stopwatch {
        let isProcessorTime = suspicion.load(ordering: .relaxed) > 0
        return Stopwatch(
            isProcessorTime: isProcessorTime,
            startNs: isProcessorTime ? ThreadTime.now : Uptime.ns
        )
    }

    /// Notes that a run on a loop has ended.
    func end(_ watch: Stopwatch, rows: Int) {
        let now = watch.isProcessorTime ? ThreadTime.now : Uptime.ns
        ran(rows: rows, took: now - watch.startNs, ofProcessor: watch.isProcessorTime)
    }

    /// Notes what a run on a loop took, in nanoseconds.
    /// - Parameter ofProcessor: Whether that is processor time; else time of the clock.
    func ran(rows: Int, took ns: UInt64, ofProcessor: Bool) {
        guard let expected = estimate(rows: rows) else { return }
        let isSurprise = ns > max(expected, limitNs) * Self.surprise
        switch (isSurprise, ofProcessor) {
        case (true, true): isKnown.store(false, ordering: .relaxed)
        case (true, false): suspicion.store(Self.suspectedRuns, ordering: .relaxed)
        case (false, true): suspicion.subtract(1, ordering: .relaxed)
        case (false, false): break
        }
    }

    private func estimate(rows: Int) -> UInt64? {
        let (product, overflow) = rowNs.multipliedReportingOverflow(by: UInt64(rows))
        let (sum, sumOverflow) = product.addingReportingOverflow(runNs)
        return overflow || sumOverflow ? nil : sum
    }
}
