internal import Dispatch
internal import Engine
internal import Synchronization

/// The threads that run models, and the queue before them.
///
/// A batch is whatever waited while they were busy, or while a short run of the same version was
/// about to end. The queue is bounded by the models'
/// ``Admission``: a job is submitted only with a place taken.
final class Executors: Sendable {
    private let queue: Mutex<BatchQueue>
    private let bound: QueueBound
    /// Counts the lanes that are ready.
    private let waiting = DispatchSemaphore(value: 0)
    /// Where requests wait that a card wants to wait for company.
    private let delays = DispatchQueue(label: "strongroom.batch.delay", qos: .userInitiated)

    init(threads: Int, bound: QueueBound) {
        let count = threads > 0 ? threads : Processors.count
        queue = Mutex(BatchQueue(threads: count))
        self.bound = bound
        for _ in 0..<count {
            WorkerThread.start("executor") { self.work() }
        }
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
        for other in room.displaced {
            let retryNs = other.admission.retryAfterNs
            other.finish(.failure(.displaced(retryAfterNs: retryNs)))
        }
        if let refusal = room.refusal {
            throw ServingError(refusal, model: job.request.model, bound: bound)
        }
        guard let (added, place) = placed else { throw .stopping }
        switch added {
        case .waiting: break
        case .ready: waiting.signal()
        case .readyAfter(let microseconds):
            // The job in the lane keeps the slot, and with it the lane's identity.
            let lane = ObjectIdentifier(job.slot)
            delays.asyncAfter(deadline: .now() + .microseconds(Int(microseconds))) {
                if self.queue.withLock({ $0.makeReady(lane) }) { self.waiting.signal() }
            }
        case .stopped: throw .stopping
        }
        job.request.onCancel? { self.withdraw(place) }
    }

    private func withdraw(_ place: BatchQueue.Place) {
        guard let job = queue.withLock({ $0.withdraw(place) }) else { return }
        job.finish(.failure(job.lapse() ?? .cancelled))
    }

    /// Takes out the request of a version that would run last, if its place does for another one;
    /// it still has its place.
    func giveUpLast(of slot: Slot, below priority: Int, bytes: Int) -> Job? {
        queue.withLock { $0.giveUpLast(of: slot, below: priority, bytes: bytes) }
    }

    /// Ends the threads once what is queued has been run.
    func stop() {
        let ready = queue.withLock { $0.stop() }
        for _ in 0...ready { waiting.signal() }
    }

    private func work() {
        // Nothing of a batch is kept while the next one is waited for: it would keep its version.
        while let taken = take() { run(taken) }
        // Wakes the next thread, which finds the same.
        waiting.signal()
    }

    /// Runs a batch, and then what has waited for its end.
    private func run(_ first: BatchQueue.Taken) {
        var next: BatchQueue.Taken? = first
        while let taken = next {
            let start = Uptime.ns
            let gaveAnswers = BatchRun(taken.batch, neededNs: taken.neededNs).run()
            let end = Uptime.ns
            if gaveAnswers { taken.took(end - start) }
            next = take(after: taken, atNs: end)
        }
    }

    /// The next batch; nil when the executors were stopped and nothing is left.
    private func take() -> BatchQueue.Taken? {
        while true {
            waiting.wait()
            let now = Uptime.ns
            let (taken, isStopped) = queue.withLock { queue in
                let taken = queue.take(atNs: now)
                return (taken, queue.isStopped)
            }
            if let taken {
                if taken.isReadyAgain { waiting.signal() }
                return taken
            }
            if isStopped { return nil }
        }
    }

    /// The next batch if requests have waited for one to end: the thread that ran it is awake. Where
    /// another lane's turn comes first, whoever was woken for that takes theirs.
    private func take(after taken: BatchQueue.Taken, atNs nowNs: UInt64) -> BatchQueue.Taken? {
        let next = queue.withLock { $0.ended(taken) ? $0.take(atNs: nowNs) : nil }
        if let next, next.isReadyAgain { waiting.signal() }
        return next
    }
}

extension BatchQueue.Taken {
    /// The time that a request must have left of its deadline: where others wait, a run that is not
    /// expected to end in time would take the thread from them. Without others it is tried, so that
    /// a model that was slow once is measured again.
    fileprivate var neededNs: UInt64 {
        guard leavesMore, let first = batch.first else { return 0 }
        return first.slot.runs.unitNs(rows: work.rows)
    }

    /// Notes how long the run took.
    fileprivate func took(_ ns: UInt64) {
        guard let first = batch.first else { return }
        first.slot.runs.took(work, ns: ns)
        guard !leavesMore else { return }
        // Nothing waited behind it, so the queue is no slower than that.
        first.slot.drain.tookAtMost(work, ns: ns)
        first.admission.drain.tookAtMost(work, ns: ns)
    }
}
