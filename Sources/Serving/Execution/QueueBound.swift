/// The bound of time on the requests of a version that wait: a plain calculation from what waits
/// and what was measured.
struct QueueBound {
    /// So much more of a deadline than a quarter of the expected wait must be left: measurements
    /// vary, and a request that expires in the queue held a place for nothing.
    private static let margin: UInt64 = 4

    /// Why a request may not wait.
    enum Refusal: Equatable {
        /// Its deadline has passed.
        case expired
        /// Its deadline would pass before its run had ended.
        case deadline(leftNs: UInt64, waitNs: UInt64, runNs: UInt64)
        /// Those that wait already are expected to take longer than the bound.
        case full(waitNs: UInt64)
    }

    /// The longest expected wait of a request that is taken.
    let queueNs: UInt64

    /// Whether requests are expected to take longer than the bound.
    func isPassed(by work: QueueWork, of job: Job) -> Bool { Self.waitNs(work, job) > queueNs }

    /// Why a request may not wait behind those whose turn comes before its own.
    /// - Parameters:
    ///   - ahead: Those requests. Where there are none the request is taken, whatever was measured:
    ///     else a model that was slow once would never be measured again.
    ///   - standingNs: how long none of the version's requests has left the queue.
    func refusal(
        of job: Job,
        behind ahead: QueueWork,
        standingNs: UInt64,
        atNs nowNs: UInt64
    ) -> Refusal? {
        var waitNs = Self.waitNs(ahead, job)
        // A queue that has come to a halt is slower than what was measured before.
        if waitNs > 0, standingNs > queueNs { waitNs = max(waitNs, standingNs) }
        if let deadline = job.request.deadlineNs {
            guard deadline > nowNs else { return .expired }
            let leftNs = deadline - nowNs
            let runNs = job.slot.runs.unitNs(rows: job.rows)
            if ahead.requests > 0, Self.sum(waitNs, waitNs / Self.margin, runNs) > leftNs {
                return .deadline(leftNs: leftNs, waitNs: waitNs, runNs: runNs)
            }
        }
        return waitNs > queueNs ? .full(waitNs: waitNs) : nil
    }

    /// The expected time until that work has left. A version that was not measured yet is taken
    /// to be as fast as the last one of its model.
    private static func waitNs(_ work: QueueWork, _ job: Job) -> UInt64 {
        let rate = job.slot.drain.isKnown ? job.slot.drain : job.admission.drain
        return rate.expectedNs(work)
    }

    private static func sum(_ terms: UInt64...) -> UInt64 {
        terms.reduce(0) { sum, term in
            let (result, overflow) = sum.addingReportingOverflow(term)
            return overflow ? .max : result
        }
    }
}

extension ServingError {
    /// The error of a request that may not wait.
    init(_ refusal: QueueBound.Refusal, model: String, bound: QueueBound) {
        func milliseconds(_ ns: UInt64) -> UInt64 { ns / 1_000_000 }
        switch refusal {
        case .expired: self = .expired
        case .full(let waitNs):
            self = .exhausted(
                "the queue of model '\(model)' is full: requests wait about "
                    + "\(milliseconds(waitNs)) ms, at most \(milliseconds(bound.queueNs)) ms is "
                    + "allowed",
                retryAfterNs: WorkRate.retry(afterNs: waitNs)
            )
        case .deadline(let leftNs, let waitNs, let runNs):
            self = .exhausted(
                "the deadline would pass in the queue of model '\(model)': it is "
                    + "\(milliseconds(leftNs)) ms away, requests wait about "
                    + "\(milliseconds(waitNs)) ms, and a run takes about \(milliseconds(runNs)) ms",
                retryAfterNs: WorkRate.retry(afterNs: waitNs)
            )
        }
    }
}
