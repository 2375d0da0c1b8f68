internal import Dispatch
internal import Engine
internal import Synchronization

/// The threads that run models, and the queue before them.
///
/// A batch is formed from the requests that waited while the threads were busy, or while a short
/// run of the same version was about to end. The queue is bounded by the models' ``Admission``: a
/// job is submitted only with a place taken. ``RunWatch`` ends runs at their limits.
final class Executors: Sendable {
    private let queue: Mutex<BatchQueue>
    private let places = Mutex<[RunPlace]>([])
    private let bound: QueueBound
    private let isShared: Bool
    /// Counts the lanes that are ready.
    private let waiting = DispatchSemaphore(value: 0)
    /// Makes lanes ready whose card lets requests wait for others.
    private let delays = DispatchQueue(label: "strongroom.batch.delay", qos: .userInitiated)

    /// Starts the threads. For start-up: a system that has none left ends the process.
    /// - Parameter isShared: Whether they run the versions of all models; else they run one
    ///   version, which is in an engine host.
    convenience init(threads: Int, bound: QueueBound, isShared: Bool = true) {
        self.init(count: threads, bound, isShared)
        precondition(start(threads), "the system starts no thread for an executor")
    }

    private init(count: Int, _ bound: QueueBound, _ isShared: Bool) {
        queue = Mutex(BatchQueue(threads: count, isShared: isShared))
        self.bound = bound
        self.isShared = isShared
    }

    /// The threads of a version in an engine host, which take none from other versions.
    ///
    /// - Throws: `unavailable` if the system does not start all of them.
    static func ofHostedVersion(_ limits: ServingLimits) throws(EngineError) -> Executors {
        let executors = Executors(count: limits.hostLanes, limits.queueBound, false)
        guard executors.start(limits.hostLanes) else {
            executors.stop()
            throw EngineError(
                .unavailable,
                "the system does not start the \(limits.hostLanes) threads for the model's runs"
            )
        }
        return executors
    }

    /// - Returns: whether the system had all the threads.
    private func start(_ threads: Int) -> Bool {
        guard (0..<threads).allSatisfy({ _ in startThread() }) else { return false }
        RunWatch.shared.watch(self)
        return true
    }

    /// Queues a job. It leaves the queue by itself, and gives its place back, as soon as its answer
    /// is not wanted any more. Jobs of lower priorities may have to leave for it.
    /// - Throws: ``ServingError`` when it will not be run: it would wait too long, or the executors
    ///   were stopped.
    func submit(_ job: Job) throws(ServingError) {
        let now = Uptime.ns
        let (room, placed) = queue.withLock { queue in
            let room = queue.makeRoom(for: job, bound, atNs: now)
            return (room, room.refusal == nil ? queue.place(job, atNs: now) : nil)
        }
        for other in room.displaced { other.refuse() }
        if let refusal = room.refusal {
            throw ServingError(refusal, model: job.request.model, bound: bound)
        }
        guard let (added, place) = placed else { throw .stopping }
        switch added {
        case .waiting: break
        case .ready: wake()
        case .readyAfter(let microseconds):
            // The job in the lane keeps the slot, and with it the lane's identity.
            let lane = ObjectIdentifier(job.slot)
            delays.asyncAfter(deadline: .now() + .microseconds(Int(microseconds))) {
                if self.queue.withLock({ $0.makeReady(lane) }) { self.wake() }
            }
        case .stopped: throw .stopping
        }
        job.request.onCancel? { self.withdraw(place) }
    }

    private func withdraw(_ place: BatchQueue.Place) {
        guard let job = queue.withLock({ $0.withdraw(place) }) else { return }
        job.finish(.failure(job.lapse() ?? .cancelled))
    }

    /// Refuses a request that gives its place up, unless its run has begun.
    func displace(_ displaced: ShareLedger.Displaced) {
        if queue.withLock({ $0.withdraw(displaced.place) }) != nil { displaced.refuse() }
    }

    /// Has a lane that is ready looked at, by one more thread where all are busy.
    private func wake() {
        waiting.signal()
        if isShared, queue.withLock({ $0.relieve(atNs: Uptime.ns) }) { startRelief() }
    }

    /// Ends the threads once what is queued has been run.
    func stop() {
        let (ready, threads) = queue.withLock { ($0.stop(), $0.running.threads) }
        for _ in 0..<ready + threads { waiting.signal() }
    }

    // MARK: - The threads

    /// Starts a thread for a model that has none.
    private func startRelief() {
        if !startThread() { queue.withLock { $0.startFailed() } }
    }

    /// - Returns: whether the system had a thread.
    private func startThread() -> Bool {
        let place = RunPlace(watch: .shared, isHosted: !isShared)
        places.withLock { $0.append(place) }
        let isStarted = WorkerThread.begin("executor") {
            self.work(on: place)
            self.leave(place)
        }
        if !isStarted { leave(place) }
        return isStarted
    }

    private func leave(_ place: RunPlace) { places.withLock { $0.removeAll { $0 === place } } }

    private func work(on place: RunPlace) {
        // Nothing of a batch is kept while the next one is waited for: it would keep its version.
        while let taken = take() { run(taken, on: place) }
    }

    /// Runs a batch, and then what has waited for its end.
    private func run(_ first: BatchQueue.Taken, on place: RunPlace) {
        var next: BatchQueue.Taken? = first
        while let taken = next {
            place.batch.store(taken.number, ordering: .relaxed)
            let start = Uptime.ns
            let batch = isShared ? taken.batch : CrashGuard.allowed(taken.batch)
            let outcome = BatchRun(batch, on: place, neededNs: taken.neededNs).run()
            let end = Uptime.ns
            if outcome.gaveAnswers { taken.took(end - start) }
            settle(outcome.unsettled, of: taken.number, atNs: end)
            next = take(after: taken, atNs: end)
        }
    }

    /// The next batch; nil when the thread is to end.
    private func take() -> BatchQueue.Taken? {
        while true {
            waiting.wait()
            let now = Uptime.ns
            let (taken, isOver, isRelieved) = queue.withLock { queue in
                let taken = queue.take(atNs: now)
                let isOver = taken == nil && (queue.isStopped || queue.retire())
                return (taken, isOver, queue.relieve(atNs: now))
            }
            if isRelieved { startRelief() }
            if let taken {
                if taken.isReadyAgain { waiting.signal() }
                return taken
            }
            if isOver { return nil }
        }
    }

    /// The next batch if requests have waited for one to end: the thread that ran it is awake. Where
    /// another lane's turn comes first, whoever was woken for that takes theirs.
    private func take(after taken: BatchQueue.Taken, atNs nowNs: UInt64) -> BatchQueue.Taken? {
        let (next, woken, isRelieved) = queue.withLock { queue in
            let ended = queue.ended(taken, atNs: nowNs)
            let next = ended.isAwaited ? queue.take(atNs: nowNs) : nil
            return (next, ended.released, queue.relieve(atNs: nowNs))
        }
        if isRelieved { startRelief() }
        for _ in 0..<woken { waiting.signal() }
        if let next, next.isReadyAgain { waiting.signal() }
        return next
    }

    // MARK: - Runs that end early or late

    /// Answers the requests of runs that ended early, or puts them back to run again.
    private func settle(
        _ runs: [BatchRun.Unsettled],
        of batch: UInt64,
        atNs nowNs: UInt64
    ) {
        guard !runs.isEmpty else { return }
        let hadCompany = queue.withLock { $0.running.hadCompany(batch) }
        for run in runs {
            let settlement = Settlement(of: run, isHosted: !isShared, hadCompany: hadCompany)
            if settlement.isCharged, let job = run.jobs.first {
                job.slot.crashes.charge(job.request.principal, atNs: nowNs)
            }
            for (job, error) in settlement.failed { job.finish(.failure(error)) }
            for job in settlement.again { putBack(job, atNs: nowNs) }
        }
    }

    /// Queues a request that has kept its place.
    private func putBack(_ job: Job, atNs nowNs: UInt64) {
        let place = queue.withLock { $0.putBack(job, atNs: nowNs) }
        wake()
        job.request.onCancel? { self.withdraw(place) }
    }

    /// Ends the runs that have reached their limits, and answers the requests of those that go on
    /// all the same. For ``RunWatch``.
    /// - Returns: whether there is a run.
    func look(atNs nowNs: UInt64) -> Bool {
        var isBusy = false
        for place in places.withLock({ $0 }) {
            switch place.look(atNs: nowNs) {
            case .idle: continue
            case .inTime: break
            // The channel to a host ends the run by itself, together with the host.
            case .stop(let stop): if isShared { stop.stop() }
            case .abandon(let work): abandon(work, atNs: nowNs)
            }
            isBusy = true
        }
        giveUp(atNs: nowNs)
        return isBusy
    }

    private func abandon(_ work: RunPlace.Work, atNs nowNs: UInt64) {
        queue.withLock { $0.hold(work.batch) }
        for job in work.jobs { job.answer(.failure(job.overTime)) }
        settle(work.unsettled, of: work.batch, atNs: nowNs)
        for job in work.rest.joined() { putBack(job, atNs: nowNs) }
    }

    /// Starts or ends a relief thread, and refuses what waits in vain.
    private func giveUp(atNs nowNs: UInt64) {
        guard isShared else { return }
        let (isRelieved, isDismissed, refused) = queue.withLock { queue in
            (
                queue.relieve(atNs: nowNs), queue.dismiss(),
                queue.giveUpHeld(patienceNs: bound.queueNs, atNs: nowNs)
            )
        }
        if isRelieved {
            startRelief()
            waiting.signal()
        }
        if isDismissed { waiting.signal() }
        for job in refused {
            job.finish(.failure(.held(job, retryAfterNs: WorkRate.retryNs.upperBound)))
        }
    }
}
