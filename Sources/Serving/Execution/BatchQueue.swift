internal import DequeModule
internal import Engine

/// The requests that wait, sorted into the batches that they will run in: no threads, no clock.
///
/// Each loaded version has a lane. Lanes that are ready take turns, so that no model waits for all
/// of another's requests, whatever their priorities are. A batch is a lane's first request and all
/// that may run with it. A few requests whose version has a run that is about to end wait for that:
/// ``RunCost`` says how few.
struct BatchQueue {
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

    /// Finds a request again that waits.
    struct Place {
        let lane: ObjectIdentifier
        let order: FairQueue.Order
    }

    /// A batch that is to be run.
    struct Taken {
        /// All of one version.
        let batch: [Job]
        /// Whether requests of the version wait behind it.
        let leavesMore: Bool
        /// Whether they are ready, so that another thread is to be woken.
        let isReadyAgain: Bool
        /// The share of the batch in the queue's work.
        let work: QueueWork
        /// Its number among the running ones.
        let number: UInt64
        fileprivate let isBrief: Bool
    }

    /// The consequences of a batch's end.
    struct Ended {
        /// Whether requests have waited for it, so that the thread is to take more at once.
        let isAwaited: Bool
        /// Lanes that may have their turn now.
        let released: Int
    }

    /// A run that was to be brief is not waited for any more when it has lasted so long.
    private static var patienceNs: UInt64 { 4 * RunCost.briefNs }

    /// A lane that has its turn coming stays, also when what it held was withdrawn.
    var lanes: [ObjectIdentifier: BatchLane] = [:]
    private var ready: Deque<ObjectIdentifier> = []
    var lastNumber: UInt64 = 0
    private(set) var isStopped = false
    /// Lanes whose turn has come and that have to wait for the end of another run.
    private(set) var withheld: [ObjectIdentifier] = []
    var running: RunningBatches
    /// Whether what waits is counted in the shares of principals.
    private let isCounted: Bool

    /// - Parameters:
    ///   - threads: The threads that take batches.
    ///   - isShared: Whether versions of several models run here.
    ///   - isCounted: Whether requests wait here, and are counted in the shares of their principals;
    ///     else they run in the same round of a loop.
    init(threads: Int = 1, isShared: Bool = true, isCounted: Bool = true) {
        running = RunningBatches(threads: threads, isShared: isShared)
        self.isCounted = isCounted
    }

    /// Whether a request would most likely join the requests of its lane that wait: shapes that
    /// do not agree are not looked for.
    func hasRoom(for job: Job) -> Bool {
        guard let rows = job.mergeableRows, let lane = lanes[ObjectIdentifier(job.slot)] else {
            return false
        }
        let maxRows = job.slot.plan.maxRows
        let begun = lane.rows % maxRows
        return begun > 0 && begun + rows <= maxRows
    }

    /// Puts a request into its version's lane.
    @discardableResult
    mutating func add(_ job: Job, atNs nowNs: UInt64 = 0) -> Added {
        place(job, atNs: nowNs)?.added ?? .stopped
    }

    /// Puts a request into its version's lane, from where it can be withdrawn.
    /// - Returns: nil when it was not added.
    mutating func place(_ job: Job, atNs nowNs: UInt64) -> (added: Added, place: Place)? {
        guard !isStopped else { return nil }
        let id = ObjectIdentifier(job.slot)
        lastNumber += 1
        let (place, added) = Self.add(
            job,
            lastNumber,
            nowNs,
            to: &lanes[id, default: BatchLane(isCounted: isCounted)]
        )
        if added == .ready { ready.append(id) }
        return (added, place)
    }

    private static func add(
        _ job: Job,
        _ number: UInt64,
        _ nowNs: UInt64,
        to lane: inout BatchLane
    ) -> (Place, Added) {
        let plan = job.slot.plan
        let isFirst = lane.isEmpty
        let place = lane.insert(job, number: number, atNs: nowNs)
        guard !lane.isReady else { return (place, .waiting) }
        guard plan.maxDelayUs == 0 || lane.rows >= plan.maxRows else {
            return (place, isFirst ? .readyAfter(plan.maxDelayUs) : .waiting)
        }
        guard isWorthRun(lane, of: job.slot, nowNs) else { return (place, .waiting) }
        lane.isReady = true
        return (place, .ready)
    }

    /// Whether what waits is worth a run now: none is about to end, or it is enough for one. Where
    /// requests have waited for company already, it always is.
    private static func isWorthRun(_ lane: BatchLane, of slot: Slot, _ nowNs: UInt64) -> Bool {
        lane.briefRuns == 0 || lane.rows >= slot.plan.maxRows || slot.plan.maxDelayUs > 0
            || slot.cost.isWorthRun(rows: lane.rows) || nowNs > lane.briefSinceNs + patienceNs
    }

    /// Takes out a request that need not be run; nil if it is not waiting any more. It keeps no
    /// memory here from then on.
    mutating func withdraw(_ place: Place) -> Job? {
        guard let job = lanes[place.lane]?.withdraw(place.order) else { return nil }
        dropIfIdle(place.lane)
        return job
    }

    mutating func dropIfIdle(_ id: ObjectIdentifier) {
        if lanes[id]?.isIdle == true { lanes[id] = nil }
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
    /// - Parameter nowNs: measures how fast each model's requests leave; nil: nothing is measured,
    ///   and no request waits for the run.
    /// - Returns: what ``ended(_:)`` is to be called with, if others may wait for it.
    mutating func take(atNs nowNs: UInt64? = nil) -> Taken? {
        while let id = ready.popFirst() {
            guard var lane = lanes.removeValue(forKey: id) else { continue }
            if nowNs != nil, isWithheld(lane) {
                withheld.append(id)
                lanes[id] = lane
                continue
            }
            lane.isReady = false
            let batch = lane.takeBatch(atNs: nowNs, span: running.threads)
            guard let slot = batch.first?.slot else {
                if !lane.isIdle { lanes[id] = lane }
                continue
            }
            let isBrief = nowNs != nil && slot.cost.isBrief
            if let nowNs, isBrief {
                lane.briefRuns += 1
                lane.briefSinceNs = nowNs
            }
            lane.isReady = !lane.isEmpty && Self.isWorthRun(lane, of: slot, lane.briefSinceNs)
            if lane.isReady { ready.append(id) }
            let taken = Taken(
                batch: batch,
                leavesMore: !lane.isEmpty,
                isReadyAgain: lane.isReady,
                work: nowNs.map { QueueWork(batch, atNs: $0) } ?? QueueWork(),
                number: nowNs.map { running.begin(batch, atNs: $0) } ?? 0,
                isBrief: isBrief
            )
            if !lane.isIdle { lanes[id] = lane }
            return taken
        }
        return nil
    }

    /// Whether the first request of a lane has to wait for the end of a run.
    private func isWithheld(_ lane: BatchLane) -> Bool {
        guard running.isRestricted(isStopped: isStopped), let first = lane.first else {
            return false
        }
        return !running.admits(first)
    }

    /// Adds a relief thread if a request is ready whose model may begin a run, and long runs keep it
    /// from a thread.
    /// - Returns: whether one is to be started.
    mutating func relieve(atNs nowNs: UInt64) -> Bool {
        guard !isStopped, running.mayAdd(atNs: nowNs) else { return false }
        let isNeeded = ready.contains { id in
            guard let first = lanes[id]?.first else { return false }
            return running.admits(first)
        }
        if isNeeded { running.add() }
        return isNeeded
    }

    /// Gives the lanes that had to wait their turns again.
    /// - Returns: how many threads have to be woken for them.
    mutating func release() -> Int {
        defer { withheld = [] }
        ready.append(contentsOf: withheld)
        return withheld.count
    }

    /// A batch has been run.
    mutating func ended(_ taken: Taken, atNs nowNs: UInt64 = 0) -> Ended {
        running.end(taken.number, atNs: nowNs)
        let isAwaited = endedBrief(taken)
        let released = release()
        return Ended(isAwaited: isAwaited || released > 0, released: released)
    }

    private mutating func endedBrief(_ taken: Taken) -> Bool {
        guard taken.isBrief, let slot = taken.batch.first?.slot else { return false }
        let id = ObjectIdentifier(slot)
        lanes[id]?.briefRuns -= 1
        guard let lane = lanes[id], !lane.isEmpty, slot.plan.maxDelayUs == 0 else {
            dropIfIdle(id)
            return false
        }
        return makeReady(id)
    }

    /// Refuses requests from here on; what waits is to be run, whatever it waited for.
    /// - Returns: how many threads have to be woken for it.
    mutating func stop() -> Int {
        isStopped = true
        return release() + lanes.keys.filter { makeReady($0) }.count
    }
}
