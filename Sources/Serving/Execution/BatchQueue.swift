internal import DequeModule
internal import Engine

/// The requests that wait, sorted into the batches that they will run in: no threads, no clock.
///
/// Each loaded version has a lane. Lanes that are ready take turns, so that no model waits for all
/// of another's requests. In a lane sources are served in rounds: a source's first waiting request
/// belongs to the present round, its second to the next, so that a caller with one request does
/// not wait for the hundreds of another. A batch is the first request and all that may run with it.
struct BatchQueue {
    /// Waiting requests that are looked at for one batch: those that do not agree are passed over.
    private static var maxLookedAt: Int { 256 }
    /// Sources of one lane whose last rounds are remembered.
    private static var maxSources: Int { 4_096 }

    /// What adding a request calls for.
    enum Added: Equatable {
        /// Nothing: its lane has its turn coming.
        case waiting
        /// A thread has to be woken.
        case ready
        /// Its lane is to be made ready so many microseconds from now.
        case readyAfter(Int64)
        /// It was not added: nothing is run any more.
        case stopped
    }

    private struct Entry {
        let job: Job
        let round: Int
    }

    private struct Lane {
        var entries: Deque<Entry> = []
        /// The last round of each source that had a request here. They go with the lane when it
        /// is empty, and those of the past when there are too many.
        var rounds: [ObjectIdentifier: Int] = [:]
        var rows = 0
        var isReady = false
    }

    private var lanes: [ObjectIdentifier: Lane] = [:]
    private var ready: Deque<ObjectIdentifier> = []
    private(set) var isStopped = false

    /// Puts a request into its version's lane.
    mutating func add(_ job: Job) -> Added {
        guard !isStopped else { return .stopped }
        let id = ObjectIdentifier(job.slot)
        let plan = job.slot.plan
        let added = Self.add(job, to: &lanes[id, default: Lane()], plan)
        if added == .ready { ready.append(id) }
        return added
    }

    private static func add(_ job: Job, to lane: inout Lane, _ plan: BatchPlan) -> Added {
        let isFirst = lane.entries.isEmpty
        insert(job, into: &lane)
        lane.rows += job.mergeableRows ?? plan.maxRows
        guard !lane.isReady else { return .waiting }
        guard plan.maxDelayUs == 0 || lane.rows >= plan.maxRows else {
            return isFirst ? .readyAfter(plan.maxDelayUs) : .waiting
        }
        lane.isReady = true
        return .ready
    }

    /// Where its round ends: nearly always at the end.
    private static func insert(_ job: Job, into lane: inout Lane) {
        let present = lane.entries.first?.round ?? 0
        var round = lane.entries.last?.round ?? 0
        if let source = job.request.source {
            round = max(present, lane.rounds[source].map { $0 + 1 } ?? present)
            lane.rounds[source] = round
            if lane.rounds.count > maxSources {
                lane.rounds = lane.rounds.filter { $0.value >= present }
            }
        }
        var place = lane.entries.endIndex
        while place > 0, lane.entries[place - 1].round > round { place -= 1 }
        lane.entries.insert(Entry(job: job, round: round), at: place)
    }

    /// Makes a lane ready whose time to wait for company is over.
    /// - Returns: whether a thread has to be woken.
    mutating func makeReady(_ id: ObjectIdentifier) -> Bool {
        guard lanes[id]?.isReady == false else { return false }
        lanes[id]?.isReady = true
        ready.append(id)
        return true
    }

    /// The next batch, all of one version; nil if none is ready. What is left in its lane has its
    /// turn after the other lanes.
    /// - Returns: the batch, and whether its lane is ready again, so that another thread is to be
    ///   woken.
    mutating func take() -> (batch: [Job], isReadyAgain: Bool)? {
        guard let id = ready.popFirst(), var lane = lanes.removeValue(forKey: id) else {
            return nil
        }
        let batch = Self.takeBatch(from: &lane)
        guard !lane.entries.isEmpty else { return (batch, false) }
        lanes[id] = lane
        ready.append(id)
        return (batch, true)
    }

    private static func takeBatch(from lane: inout Lane) -> [Job] {
        guard let first = lane.entries.popFirst()?.job else { return [] }
        let maxRows = first.slot.plan.maxRows
        lane.rows -= first.mergeableRows ?? maxRows
        guard var rows = first.mergeableRows else { return [first] }
        var batch = [first]
        var kept: [Entry] = []
        var looked = 0
        while rows < maxRows, looked < maxLookedAt, let entry = lane.entries.popFirst() {
            looked += 1
            guard let more = entry.job.mergeableRows, rows + more <= maxRows,
                first.agrees(with: entry.job)
            else {
                kept.append(entry)
                continue
            }
            rows += more
            lane.rows -= more
            batch.append(entry.job)
        }
        for entry in kept.reversed() { lane.entries.prepend(entry) }
        return batch
    }

    /// Refuses requests from here on; what waits is to be run, whatever it waited for.
    /// - Returns: how many threads have to be woken for it.
    mutating func stop() -> Int {
        isStopped = true
        return lanes.keys.filter { makeReady($0) }.count
    }
}
