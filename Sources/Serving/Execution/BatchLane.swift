internal import DequeModule
internal import Engine

/// The requests of one version that wait, in the order in which they will run.
///
/// Higher priorities go first. Within one, sources are served in rounds: a source's first waiting
/// request belongs to the present round, its second to the next, so that a caller with one request
/// does not wait for the hundreds of another. A request that is withdrawn leaves an empty place,
/// which holds nothing of it; there are never many more of these than requests.
struct BatchLane {
    /// Waiting requests that are looked at for one batch: those that do not agree are passed over.
    private static var maxLookedAt: Int { 256 }
    /// Sources whose last rounds are remembered.
    private static var maxSources: Int { 4_096 }
    /// Empty places that are not worth closing up.
    private static var maxGaps: Int { 64 }

    /// Where a request stands; no two are the same.
    struct Order: Comparable {
        let priority: Int
        let round: Int
        let number: UInt64

        static func < (left: Order, right: Order) -> Bool {
            if left.priority != right.priority { return left.priority > right.priority }
            if left.round != right.round { return left.round < right.round }
            return left.number < right.number
        }
    }

    private struct Entry {
        /// Nil: it was withdrawn.
        var job: Job?
        let order: Order
    }

    private struct Source: Hashable {
        let id: ObjectIdentifier
        let priority: Int
    }

    private var entries: Deque<Entry> = []
    private var gaps = 0
    /// The last round of each source that had a request here. They go when the lane is empty, and
    /// those of the past when there are too many.
    private var rounds: [Source: Int] = [:]
    /// What the waiting requests are worth in a batch.
    private(set) var rows = 0
    /// Whether the lane has its turn coming.
    var isReady = false
    /// Runs of the version under way that are expected to end soon, and when the last of them began.
    var briefRuns = 0
    var briefSinceNs: UInt64 = 0
    /// When requests last left while others stayed, and how many.
    private var lastLeft: (atNs: UInt64, count: Int)?

    var isEmpty: Bool { entries.count == gaps }
    /// Whether nothing is left to know of it.
    var isIdle: Bool { isEmpty && !isReady && briefRuns == 0 }

    /// Puts a request where its priority and its round end: nearly always at the end.
    /// - Parameter number: higher than that of every request before it.
    mutating func insert(_ job: Job, number: UInt64) -> Order {
        let priority = job.request.priority
        let start = firstIndex { $0.priority <= priority }
        let end = firstIndex { $0.priority < priority }
        let present = start < end ? entries[start].order.round : 0
        var round = start < end ? entries[end - 1].order.round : 0
        if let id = job.request.source {
            let source = Source(id: id, priority: priority)
            round = max(present, rounds[source].map { $0 + 1 } ?? present)
            rounds[source] = round
            if rounds.count > Self.maxSources {
                rounds = rounds.filter { $0.key.priority != priority || $0.value >= present }
            }
        }
        let order = Order(priority: priority, round: round, number: number)
        entries.insert(Entry(job: job, order: order), at: firstIndex { order < $0 })
        rows += Self.worth(job)
        return order
    }

    /// The first place from which on a condition holds that holds for all behind one for which it
    /// does. Asked of the last one first: mostly the answer is the end.
    private func firstIndex(where holds: (Order) -> Bool) -> Int {
        guard let last = entries.last, holds(last.order) else { return entries.endIndex }
        if let first = entries.first, holds(first.order) { return entries.startIndex }
        var (low, high) = (entries.startIndex, entries.endIndex - 1)
        while low < high {
            let middle = (low + high) / 2
            if holds(entries[middle].order) { high = middle } else { low = middle + 1 }
        }
        return low
    }

    /// Takes out a request that need not be run; nil if it is not here any more.
    mutating func withdraw(_ order: Order) -> Job? {
        let index = firstIndex { order <= $0 }
        guard index < entries.endIndex, entries[index].order == order,
            let job = entries[index].job
        else { return nil }
        entries[index].job = nil
        gaps += 1
        left(job)
        if gaps > Self.maxGaps, gaps > entries.count / 2 {
            entries.removeAll { $0.job == nil }
            gaps = 0
        }
        if isEmpty { clear() }
        return job
    }

    /// Takes out the request that would run last, if its place does for another one: its priority
    /// is lower, and it keeps at least as many bytes.
    mutating func giveUpLast(below priority: Int, bytes: Int) -> Job? {
        while let last = entries.last, last.job == nil {
            entries.removeLast()
            gaps -= 1
        }
        guard let job = entries.last?.job, job.request.priority < priority,
            job.request.heldBytes >= bytes
        else { return nil }
        entries.removeLast()
        left(job)
        if isEmpty { clear() }
        return job
    }

    /// The first request and all that may run with it.
    /// - Parameter nowNs: measures how fast requests leave; nil: nothing is measured.
    mutating func takeBatch(atNs nowNs: UInt64?) -> [Job] {
        guard let first = popFirst() else { return [] }
        var batch = [first]
        if var rows = first.mergeableRows {
            let maxRows = first.slot.plan.maxRows
            var kept: [Entry] = []
            var looked = 0
            while rows < maxRows, looked < Self.maxLookedAt, let entry = entries.popFirst() {
                guard let job = entry.job else {
                    gaps -= 1
                    continue
                }
                looked += 1
                guard let more = job.mergeableRows, rows + more <= maxRows, first.agrees(with: job)
                else {
                    kept.append(entry)
                    continue
                }
                rows += more
                left(job)
                batch.append(job)
            }
            for entry in kept.reversed() { entries.prepend(entry) }
        }
        measure(first, count: batch.count, nowNs)
        if isEmpty { clear() }
        return batch
    }

    private mutating func popFirst() -> Job? {
        while let entry = entries.popFirst() {
            guard let job = entry.job else {
                gaps -= 1
                continue
            }
            left(job)
            return job
        }
        return nil
    }

    private mutating func measure(_ first: Job, count: Int, _ nowNs: UInt64?) {
        guard let nowNs else { return }
        if let lastLeft, nowNs > lastLeft.atNs {
            first.admission.drain.drained(requests: lastLeft.count, inNs: nowNs - lastLeft.atNs)
        }
        lastLeft = (nowNs, count)
    }

    private mutating func left(_ job: Job) {
        rows -= Self.worth(job)
    }

    private static func worth(_ job: Job) -> Int {
        job.mergeableRows ?? job.slot.plan.maxRows
    }

    /// Nothing waits: a new beginning, save for a turn that is coming.
    private mutating func clear() {
        entries = []
        gaps = 0
        rounds = [:]
        lastLeft = nil
    }
}
