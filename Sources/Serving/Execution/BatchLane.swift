internal import Engine

/// The requests of one version that wait, what they amount to, and the batches that they run in.
struct BatchLane {
    /// Waiting requests that are looked at for one batch: those that do not agree are passed over.
    private static var maxLookedAt: Int { 256 }

    private var queue = FairQueue()
    /// On an event loop the requests are here, and none in the queue.
    private var round = RoundRequests()
    /// Whether what waits is counted in the shares of principals.
    private let isCounted: Bool
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

    init(isCounted: Bool) {
        self.isCounted = isCounted
    }

    var isEmpty: Bool { queue.isEmpty && round.isEmpty }
    /// Whether nothing is left to know of it.
    var isIdle: Bool { isEmpty && !isReady && briefRuns == 0 }

    /// The requests that wait and are of a priority, or of a higher one.
    func work(downTo priority: Int) -> QueueWork {
        (0...RequestPriority.index(priority)).reduce(into: QueueWork()) { $0 += waiting[$1] }
    }

    /// The requests that wait and would run before a new one.
    func work(before job: Job) -> QueueWork { queue.work(before: job) }

    /// All requests that wait.
    var allWork: QueueWork { work(downTo: RequestPriority.range.lowerBound) }

    /// How long nothing has left, though something waits.
    func standsNs(atNs nowNs: UInt64) -> UInt64 {
        isEmpty || nowNs < movedAtNs ? 0 : nowNs - movedAtNs
    }

    /// Puts a request where its priority and its turn are.
    /// - Parameter number: higher than that of every request before it.
    mutating func insert(_ job: Job, number: UInt64, atNs nowNs: UInt64) -> BatchQueue.Place {
        if isEmpty { movedAtNs = nowNs }
        rows += Self.worth(job)
        waiting[RequestPriority.index(job.request.priority)] += QueueWork(job)
        let lane = ObjectIdentifier(job.slot)
        guard isCounted else {
            round.append(job)
            return BatchQueue.Place(lane: lane, order: .none)
        }
        let place = BatchQueue.Place(lane: lane, order: queue.insert(job, number: number))
        job.admission.shares.add(job, at: place)
        return place
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
        all.first?.admission.shares.remove(all)
        return all
    }

    /// Takes out a request that need not be run; nil if it is not here any more.
    mutating func withdraw(_ order: FairQueue.Order) -> Job? {
        guard let job = queue.withdraw(order) else { return nil }
        left(job)
        job.admission.shares.remove(job)
        return job
    }

    /// The first request and all that may run with it.
    /// - Parameters:
    ///   - nowNs: measures how fast requests leave; nil: nothing is measured.
    ///   - span: departures that one measurement takes.
    mutating func takeBatch(atNs nowNs: UInt64?, span: Int = 1) -> [Job] {
        guard let first = isCounted ? queue.popFirst() : round.popFirst() else { return [] }
        var batch = [first]
        if let rows = first.mergeableRows { fill(&batch, behind: first, rows) }
        if let nowNs { measure(batch, nowNs, span) }
        for job in batch { left(job) }
        if isCounted { first.admission.shares.remove(batch) }
        return batch
    }

    /// Adds to a batch the requests that agree with its first one, while there is room.
    private mutating func fill(_ batch: inout [Job], behind first: Job, _ firstRows: Int) {
        let maxRows = first.slot.plan.maxRows
        var rows = firstRows
        func takes(_ job: Job) -> Bool? {
            guard rows < maxRows else { return nil }
            guard let more = job.mergeableRows, rows + more <= maxRows, first.agrees(with: job)
            else { return false }
            rows += more
            batch.append(job)
            return true
        }
        if isCounted {
            queue.take(ofFirst: Self.maxLookedAt, takes)
        } else {
            round.take(ofFirst: Self.maxLookedAt, takes)
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
        waiting[RequestPriority.index(job.request.priority)] -= QueueWork(job)
        if isEmpty { window = nil }
    }

    private static func worth(_ job: Job) -> Int {
        job.mergeableRows ?? job.slot.plan.maxRows
    }
}
