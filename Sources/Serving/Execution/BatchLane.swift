internal import DequeModule
internal import Engine

/// The requests of one version that wait, in the order in which they will run.
///
/// Higher priorities go first. Within one, sources are served in rounds: a source's first waiting
/// request belongs to the present round, its second to the next, so that a caller with one request
/// does not wait for the hundreds of another. Adding a request costs the same however many wait. A
/// request that is withdrawn leaves an empty place, which holds nothing of it; there are never many
/// more of these than requests.
struct BatchLane {
    /// Waiting requests that are looked at for one batch: those that do not agree are passed over.
    private static var maxLookedAt: Int { 256 }
    /// Sources whose last rounds are remembered before those of the past are dropped.
    private static var maxSources: Int { 4_096 }
    /// Empty places that are not worth closing up.
    private static var maxGaps: Int { 64 }

    /// Where a request stands; no two are the same.
    struct Order {
        fileprivate let turn: Turn
        fileprivate let number: UInt64
    }

    /// A round of a priority.
    fileprivate struct Turn: Comparable {
        let priority: Int
        let round: Int

        static func < (left: Turn, right: Turn) -> Bool {
            if left.priority != right.priority { return left.priority > right.priority }
            return left.round < right.round
        }
    }

    private struct Entry {
        /// Nil: it was withdrawn.
        var job: Job?
        let number: UInt64
    }

    private struct Round {
        let turn: Turn
        /// By number, ascending; never empty.
        var entries: Deque<Entry>
    }

    private struct Source: Hashable {
        let id: ObjectIdentifier
        let priority: Int
    }

    /// By turn, ascending.
    private var queue: Deque<Round> = []
    private var count = 0
    private var gaps = 0
    /// The last round of each source that had a request here. They go when the lane is empty, and
    /// those of the past when there are too many.
    private var rounds: [Source: Int] = [:]
    private var sourceLimit = maxSources
    /// The rows of the waiting requests by priority, the highest first: as many as ``RequestPriority``
    /// has.
    private var waiting = InlineArray<21, Int>(repeating: 0)
    /// What the waiting requests are worth in a batch.
    private(set) var rows = 0
    /// Whether the lane has its turn coming.
    var isReady = false
    /// Runs of the version under way that are expected to end soon, and when the last of them began.
    var briefRuns = 0
    var briefSinceNs: UInt64 = 0
    /// When a request last left, or came to an empty lane.
    private var movedAtNs: UInt64 = 0
    /// Departures while others stayed.
    private var window: DrainWindow?

    var isEmpty: Bool { count == 0 }
    /// Whether nothing is left to know of it.
    var isIdle: Bool { isEmpty && !isReady && briefRuns == 0 }

    /// The rows of the requests that wait and run before a new one of a priority.
    func rows(before priority: Int) -> Int {
        (0...Self.index(priority)).reduce(0) { $0 + waiting[$1] }
    }

    /// How long nothing has left, though something waits.
    func standsNs(atNs nowNs: UInt64) -> UInt64 {
        isEmpty || nowNs < movedAtNs ? 0 : nowNs - movedAtNs
    }

    /// The rows of all requests that wait.
    var allRows: Int { rows(before: RequestPriority.range.lowerBound) }

    private static func index(_ priority: Int) -> Int {
        let range = RequestPriority.range
        return range.upperBound - min(max(priority, range.lowerBound), range.upperBound)
    }

    /// Puts a request where its priority and its round end.
    /// - Parameter number: higher than that of every request before it.
    mutating func insert(_ job: Job, number: UInt64, atNs nowNs: UInt64) -> Order {
        if isEmpty { movedAtNs = nowNs }
        let turn = turn(of: job)
        let entry = Entry(job: job, number: number)
        let index = firstIndex { $0 >= turn }
        if index < queue.endIndex, queue[index].turn == turn {
            queue[index].entries.append(entry)
        } else {
            queue.insert(Round(turn: turn, entries: [entry]), at: index)
        }
        count += 1
        rows += Self.worth(job)
        waiting[Self.index(turn.priority)] += job.rows
        return Order(turn: turn, number: number)
    }

    /// The round after the last one of the request's source, and at most the one after the last.
    private mutating func turn(of job: Job) -> Turn {
        let priority = job.request.priority
        let start = firstIndex { $0.priority <= priority }
        let end = firstIndex { $0.priority < priority }
        let present = start < end ? queue[start].turn.round : 0
        let last = start < end ? queue[end - 1].turn.round : -1
        guard let id = job.request.source else {
            return Turn(priority: priority, round: max(last, 0))
        }
        let source = Source(id: id, priority: priority)
        let next = rounds[source].map { $0 + 1 } ?? present
        let round = min(max(present, next), last + 1)
        rounds[source] = round
        if rounds.count > sourceLimit {
            rounds = rounds.filter { $0.key.priority != priority || $0.value >= present }
            sourceLimit = max(Self.maxSources, 2 * rounds.count)
        }
        return Turn(priority: priority, round: round)
    }

    /// The first round from which on a condition holds that holds for all behind one for which it
    /// does. Asked of the last one first: mostly the answer is there or at the end.
    private func firstIndex(where holds: (Turn) -> Bool) -> Int {
        guard let last = queue.last, holds(last.turn) else { return queue.endIndex }
        if let first = queue.first, holds(first.turn) { return queue.startIndex }
        var (low, high) = (queue.startIndex, queue.endIndex - 1)
        while low < high {
            let middle = (low + high) / 2
            if holds(queue[middle].turn) { high = middle } else { low = middle + 1 }
        }
        return low
    }

    /// Takes out a request that need not be run; nil if it is not here any more.
    mutating func withdraw(_ order: Order) -> Job? {
        let index = firstIndex { $0 >= order.turn }
        guard index < queue.endIndex, queue[index].turn == order.turn,
            let place = Self.index(of: order.number, in: queue[index].entries),
            let job = queue[index].entries[place].job
        else { return nil }
        queue[index].entries[place].job = nil
        gaps += 1
        left(job)
        giveBackRound(of: job, order.turn)
        if isEmpty { clear() } else if gaps > Self.maxGaps, gaps > count { closeUp() }
        return job
    }

    /// The source's next request may take the round of one that was withdrawn, if that was its last.
    private mutating func giveBackRound(of job: Job, _ turn: Turn) {
        guard let id = job.request.source else { return }
        let source = Source(id: id, priority: turn.priority)
        if rounds[source] == turn.round { rounds[source] = turn.round - 1 }
    }

    private static func index(of number: UInt64, in entries: Deque<Entry>) -> Int? {
        var (low, high) = (entries.startIndex, entries.endIndex)
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].number < number { low = middle + 1 } else { high = middle }
        }
        return low < entries.endIndex && entries[low].number == number ? low : nil
    }

    private mutating func closeUp() {
        for index in queue.indices { queue[index].entries.removeAll { $0.job == nil } }
        queue.removeAll { $0.entries.isEmpty }
        gaps = 0
    }

    /// Takes out the request that would run last, if its place does for another one: its priority
    /// is lower, and it keeps at least as many bytes.
    mutating func giveUpLast(below priority: Int, bytes: Int) -> Job? {
        while let last = queue.last?.entries.last, last.job == nil {
            dropLast()
            gaps -= 1
        }
        guard let job = queue.last?.entries.last?.job, job.request.priority < priority,
            job.request.heldBytes >= bytes
        else { return nil }
        dropLast()
        left(job)
        if isEmpty { clear() }
        return job
    }

    private mutating func dropLast() {
        let index = queue.endIndex - 1
        queue[index].entries.removeLast()
        if queue[index].entries.isEmpty { queue.removeLast() }
    }

    /// The first request and all that may run with it.
    /// - Parameters:
    ///   - nowNs: measures how fast requests leave; nil: nothing is measured.
    ///   - span: departures that one measurement takes.
    mutating func takeBatch(atNs nowNs: UInt64?, span: Int = 1) -> [Job] {
        guard let first = popFirst() else { return [] }
        var batch = [first]
        if first.mergeableRows != nil { fill(&batch) }
        if let nowNs {
            movedAtNs = nowNs
            measure(batch, nowNs, span)
        }
        if isEmpty { clear() }
        return batch
    }

    private mutating func popFirst() -> Job? {
        while !queue.isEmpty {
            guard let entry = queue[0].entries.popFirst() else {
                queue.removeFirst()
                continue
            }
            if queue[0].entries.isEmpty { queue.removeFirst() }
            guard let job = entry.job else {
                gaps -= 1
                continue
            }
            left(job)
            return job
        }
        return nil
    }

    /// Adds to a batch the requests that agree with its first one, while there is room.
    private mutating func fill(_ batch: inout [Job]) {
        let first = batch[0]
        let maxRows = first.slot.plan.maxRows
        var rows = first.mergeableRows ?? maxRows
        var (index, looked) = (queue.startIndex, 0)
        while index < queue.endIndex, rows < maxRows, looked < Self.maxLookedAt {
            var kept: [Entry] = []
            while rows < maxRows, looked < Self.maxLookedAt,
                let entry = queue[index].entries.popFirst()
            {
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
            for entry in kept.reversed() { queue[index].entries.prepend(entry) }
            if queue[index].entries.isEmpty { queue.remove(at: index) } else { index += 1 }
        }
    }

    private mutating func measure(_ batch: [Job], _ nowNs: UInt64, _ span: Int) {
        guard let first = batch.first else { return }
        var window = window ?? DrainWindow(sinceNs: nowNs)
        if let (work, ns) = window.left(QueueWork(batch, atNs: nowNs), atNs: nowNs, span: span) {
            first.slot.drain.took(work, ns: ns)
            first.admission.drain.took(work, ns: ns)
        }
        self.window = window
    }

    private mutating func left(_ job: Job) {
        count -= 1
        rows -= Self.worth(job)
        waiting[Self.index(job.request.priority)] -= job.rows
    }

    private static func worth(_ job: Job) -> Int {
        job.mergeableRows ?? job.slot.plan.maxRows
    }

    /// Nothing waits: a new beginning, save for a turn that is coming.
    private mutating func clear() {
        queue = []
        gaps = 0
        rounds = [:]
        sourceLimit = Self.maxSources
        window = nil
    }
}
