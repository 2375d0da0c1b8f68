/// The requests that run before a new one.
extension FairQueue {
    /// Flows of one kind that are looked at one by one; of further ones all requests count.
    private static var maxCountedFlows: Int { 256 }

    /// The requests that wait and would run before a new one.
    func work(before job: Job) -> QueueWork {
        let priority = job.request.priority
        if let (other, _) = sole {
            return other.request.priority >= priority ? QueueWork(other) : QueueWork()
        }
        var ahead = QueueWork()
        for root in classes where flows[root].key.priority > priority { ahead += flows[root].work }
        guard let root = classes.first(where: { flows[$0].key.priority == priority }) else {
            return ahead
        }
        var key = Self.key(of: job)
        let connection = known[key]
        key.source = nil
        let principal = known[key]
        var own = connection.map { flows[$0].work } ?? QueueWork()
        if let principal { own = work(before: connection, in: principal, behind: own) }
        return ahead + work(before: principal, in: root, behind: own)
    }

    /// The work that runs before the next request of a flow, among the flows of its parent.
    /// - Parameters:
    ///   - flow: nil: it had no request yet.
    ///   - own: the flow's own requests that run before.
    private func work(before flow: Int?, in parent: Int, behind own: QueueWork) -> QueueWork {
        let now = flows[parent].now
        let start = (flow.map { max(flows[$0].start, now) } ?? now) + UInt64(own.rows)
        let active = heaps[parent].indices
        var (sum, rest) = (own, flows[parent].work - (flow.map { flows[$0].work } ?? QueueWork()))
        for other in active.prefix(Self.maxCountedFlows) where other != flow {
            let work = flows[other].work
            rest -= work
            sum += work.part(rows: start >= flows[other].start ? start - flows[other].start : nil)
        }
        return active.count > Self.maxCountedFlows ? sum + rest : sum
    }
}

extension QueueWork {
    /// The first requests of a flow: those that start until it was served so many rows.
    /// - Parameter rows: nil: it is ahead of that, and none starts.
    fileprivate func part(rows served: UInt64?) -> QueueWork {
        guard let served, requests > 0 else { return QueueWork() }
        let mean = max(rows / requests, 1)
        let first = min(Int(clamping: served) / mean, requests - 1) + 1
        return QueueWork(requests: first, rows: min(first * mean, rows))
    }
}
