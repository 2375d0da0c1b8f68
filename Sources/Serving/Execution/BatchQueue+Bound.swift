/// The bound of time on what waits.
extension BatchQueue {
    /// Requests that give their places up for one newcomer at most.
    static var maxDisplaced: Int { 64 }

    /// Makes room for a request within the bound of time: the principals with the most bytes lose
    /// their newest requests for it.
    /// - Returns: why it may not wait, or nil, and the requests that gave their places up.
    mutating func makeRoom(
        for job: Job,
        _ bound: QueueBound,
        atNs nowNs: UInt64
    ) -> (refusal: QueueBound.Refusal?, displaced: [ShareLedger.Displaced]) {
        let id = ObjectIdentifier(job.slot)
        if let refusal = refusal(of: job, bound, atNs: nowNs) { return (refusal, []) }
        // Time is what is needed: a request of any size gives some.
        let claim = ShareLedger.Claim(
            principal: job.request.principalNumber,
            priority: job.request.priority,
            heldBytes: 0,
            charge: job.charge
        )
        var displaced: [ShareLedger.Displaced] = []
        while displaced.count < Self.maxDisplaced, let lane = lanes[id],
            bound.isPassed(by: lane.allWork, of: job),
            let other = job.admission.shares.takeDisplaced(for: claim, in: .version(job.slot)),
            withdraw(other.place) != nil
        {
            displaced.append(other)
        }
        return (nil, displaced)
    }

    /// Why a request may not wait: its expected wait is that of the requests that run before it.
    private func refusal(
        of job: Job,
        _ bound: QueueBound,
        atNs nowNs: UInt64
    ) -> QueueBound.Refusal? {
        guard let lane = lanes[ObjectIdentifier(job.slot)] else {
            return bound.refusal(of: job, behind: QueueWork(), standingNs: 0, atNs: nowNs)
        }
        func refusal(behind ahead: QueueWork) -> QueueBound.Refusal? {
            bound.refusal(
                of: job,
                behind: ahead,
                standingNs: lane.standsNs(atNs: nowNs),
                atNs: nowNs
            )
        }
        // At most these are before it. Mostly they are few enough, and need not be told apart.
        guard refusal(behind: lane.work(downTo: job.request.priority)) != nil else { return nil }
        return refusal(behind: lane.work(before: job))
    }
}
