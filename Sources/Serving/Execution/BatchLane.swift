internal import Engine

/// The requests of one version that wait, what they amount to, and the batches that they run in.
struct BatchLane {
    /// Waiting requests that are looked at for one batch: those that do not agree are passed over.
    private static var maxLookedAt: Int { 256 }

    private var queue = RoundQueue()
    /// The waiting requests by priority, the highest first: as many as ``RequestPriority`` has.
    private var waiting = InlineArray<21, QueueWork>(repeating: QueueWork())
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

    var isEmpty: Bool { queue.isEmpty }
    /// Whether nothing is left to know of it.
    var isIdle: Bool { isEmpty && !isReady && briefRuns == 0 }

    /// The requests that wait and run before a new one of a priority.
    func work(before priority: Int) -> QueueWork {
        (0...Self.index(priority)).reduce(into: QueueWork()) { $0 += waiting[$1] }
    }

    /// All requests that wait.
    var allWork: QueueWork { work(before: RequestPriority.range.lowerBound) }

    private static func index(_ priority: Int) -> Int {
        let range = RequestPriority.range
        return range.upperBound - min(max(priority, range.lowerBound), range.upperBound)
    }

    /// How long nothing has left, though something waits.
    func standsNs(atNs nowNs: UInt64) -> UInt64 {
        isEmpty || nowNs < movedAtNs ? 0 : nowNs - movedAtNs
    }

    /// Puts a request where its priority and its round end.
    /// - Parameter number: higher than that of every request before it.
    mutating func insert(_ job: Job, number: UInt64, atNs nowNs: UInt64) -> RoundQueue.Order {
        if isEmpty { movedAtNs = nowNs }
        rows += Self.worth(job)
        waiting[Self.index(job.request.priority)] += QueueWork(job)
        return queue.insert(job, number: number)
    }

    /// The request that runs first.
    var first: Job? { queue.first }

    /// Takes out all requests.
    mutating func takeAll() -> [Job] {
        var all: [Job] = []
        while let job = queue.popFirst() {
            left(job)
            all.append(job)
        }
        return all
    }

    /// Takes out a request that need not be run; nil if it is not here any more.
    mutating func withdraw(_ order: RoundQueue.Order) -> Job? {
        guard let job = queue.withdraw(order) else { return nil }
        left(job)
        return job
    }

    /// Takes out the request that would run last, if its place does for another one: its priority
    /// is lower, and it keeps at least as many bytes.
    mutating func giveUpLast(below priority: Int, bytes: Int) -> Job? {
        let last = queue.popLast { job in
            job.request.priority < priority && job.request.heldBytes >= bytes
        }
        guard let last else { return nil }
        left(last)
        return last
    }

    /// The first request and all that may run with it.
    /// - Parameters:
    ///   - nowNs: measures how fast requests leave; nil: nothing is measured.
    ///   - span: departures that one measurement takes.
    mutating func takeBatch(atNs nowNs: UInt64?, span: Int = 1) -> [Job] {
        guard let first = queue.popFirst() else { return [] }
        var batch = [first]
        if let rows = first.mergeableRows { fill(&batch, behind: first, rows) }
        if let nowNs { measure(batch, nowNs, span) }
        for job in batch { left(job) }
        return batch
    }

    /// Adds to a batch the requests that agree with its first one, while there is room.
    private mutating func fill(_ batch: inout [Job], behind first: Job, _ firstRows: Int) {
        let maxRows = first.slot.plan.maxRows
        var rows = firstRows
        queue.take(ofFirst: Self.maxLookedAt) { job in
            guard rows < maxRows else { return nil }
            guard let more = job.mergeableRows, rows + more <= maxRows, first.agrees(with: job)
            else { return false }
            rows += more
            batch.append(job)
            return true
        }
    }

    private mutating func measure(_ batch: [Job], _ nowNs: UInt64, _ span: Int) {
        movedAtNs = nowNs
        guard let first = batch.first else { return }
        var window = window ?? DrainWindow(sinceNs: nowNs)
        if let (work, ns) = window.left(QueueWork(batch, atNs: nowNs), atNs: nowNs, span: span) {
            first.slot.drain.took(work, ns: ns)
            first.admission.drain.took(work, ns: ns)
        }
        self.window = window
    }

    /// A request has left. When nothing waits any more, the next measurement begins anew.
    private mutating func left(_ job: Job) {
        rows -= Self.worth(job)
        waiting[Self.index(job.request.priority)] -= QueueWork(job)
        if isEmpty { window = nil }
    }

    private static func worth(_ job: Job) -> Int {
        job.mergeableRows ?? job.slot.plan.maxRows
    }
}
