internal import Engine

extension BatchQueue.Taken {
    /// The time that a request must have left of its deadline: where others wait, a run that is not
    /// expected to end in time would take the thread from them. Without others it is tried, so that
    /// a model that was slow once is measured again.
    var neededNs: UInt64 {
        guard leavesMore, let first = batch.first else { return 0 }
        return first.slot.runs.unitNs(rows: work.rows)
    }

    /// Notes how long the run took.
    func took(_ ns: UInt64) {
        guard let first = batch.first else { return }
        first.slot.runs.took(work, ns: ns)
        guard !leavesMore else { return }
        // Nothing waited behind it, so the queue is no slower than that.
        first.slot.drain.tookAtMost(work, ns: ns)
        first.admission.drain.tookAtMost(work, ns: ns)
    }
}
