internal import Engine
internal import Glibc
internal import Synchronization

/// How long a version's runs take, so that what costs less than a hop to another thread can do
/// without one.
final class RunCost: Sendable {
    /// A run of that many times what was measured has shown that the time depends on more than the
    /// number of rows: the version does not run on a loop any more.
    private static let surprise: UInt64 = 20
    private static let runs = 3

    /// What a run on a loop may take, in nanoseconds.
    private let limitNs: UInt64
    /// Nanoseconds of one row; 0: not known. Relaxed: it is a measurement and orders no memory.
    private let rowNs: Atomic<UInt64>

    /// A version's cost.
    /// - Parameters:
    ///   - rowNs: Nanoseconds of one row; 0: not known.
    ///   - limitNs: What a run on a loop may take; 0: none runs there.
    init(rowNs: UInt64 = 0, limitNs: UInt64 = 0) {
        self.rowNs = Atomic(rowNs)
        self.limitNs = limitNs
    }

    /// Runs a model a few times on the smallest of some requests that it is known to take.
    convenience init(
        measuring model: any InferenceModel,
        on requests: [[InputTensor]],
        limitNs: UInt64
    ) {
        let rowNs = limitNs == 0 ? nil : Self.measure(model, on: requests, limitNs: limitNs)
        self.init(rowNs: rowNs ?? 0, limitNs: limitNs)
    }

    private static func measure(
        _ model: any InferenceModel,
        on requests: [[InputTensor]],
        limitNs: UInt64
    ) -> UInt64? {
        let threads = UInt64(clamping: model.resources.threads)
        let known = requests.isEmpty ? MadeUpRows.requests(1, for: model.signature) : requests
        // All of them: the time may depend on the values.
        let times = known.compactMap { inputs -> UInt64? in
            let rows = UInt64(clamping: BatchShape.rows(of: inputs) ?? 1)
            var best: UInt64?
            for _ in 0..<runs {
                let start = ThreadTime.now
                guard (try? model.run(inputs, outputs: [], stop: nil)) != nil else { return nil }
                let time = (ThreadTime.now - start) * threads / rows
                best = min(best ?? time, time)
                // Far from a loop: once is enough.
                if time > limitNs { return time }
            }
            return best
        }
        return times.max().map { max($0, 1) }
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

    /// What so many rows take, in nanoseconds, if that is little enough for a loop; else nil.
    func onLoop(rows: Int) -> UInt64? {
        guard let ns = estimate(rows: rows), ns <= limitNs else { return nil }
        return ns
    }

    /// Notes what a run on a loop took.
    func ran(rows: Int, took ns: UInt64) {
        guard let expected = estimate(rows: rows) else { return }
        if ns > max(expected, limitNs) * Self.surprise { rowNs.store(0, ordering: .relaxed) }
    }

    private func estimate(rows: Int) -> UInt64? {
        let row = rowNs.load(ordering: .relaxed)
        guard row > 0 else { return nil }
        let (product, overflow) = row.multipliedReportingOverflow(by: UInt64(rows))
        return overflow ? nil : product
    }
}
