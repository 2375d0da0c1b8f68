internal import Dispatch
internal import Engine
internal import Glibc
internal import Synchronization

/// The threads that run models, and the queue before them.
///
/// A batch is whatever waited while they were busy. The queue is bounded by the models'
/// ``Admission``: a job is submitted only with a place taken.
final class Executors: Sendable {
    private let queue = Mutex(BatchQueue())
    /// Counts the lanes that are ready.
    private let waiting = DispatchSemaphore(value: 0)
    /// Where requests wait that a card wants to wait for company.
    private let delays = DispatchQueue(label: "strongroom.batch.delay", qos: .userInitiated)

    init(threads: Int) {
        let count = threads > 0 ? threads : Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        for _ in 0..<max(count, 1) {
            WorkerThread.start { self.work() }
        }
    }

    /// Queues a job.
    /// - Returns: false when the executors were stopped: the job will not be run.
    func submit(_ job: Job) -> Bool {
        switch queue.withLock({ $0.add(job) }) {
        case .stopped: return false
        case .waiting: return true
        case .ready:
            waiting.signal()
            return true
        case .readyAfter(let microseconds):
            // The job in the lane keeps the slot, and with it the lane's identity.
            let lane = ObjectIdentifier(job.slot)
            delays.asyncAfter(deadline: .now() + .microseconds(Int(microseconds))) {
                if self.queue.withLock({ $0.makeReady(lane) }) { self.waiting.signal() }
            }
            return true
        }
    }

    /// Ends the threads once what is queued has been run.
    func stop() {
        let ready = queue.withLock { $0.stop() }
        for _ in 0...ready { waiting.signal() }
    }

    private func work() {
        while let batch = take() { BatchRun(batch).run() }
        // Wakes the next thread, which finds the same.
        waiting.signal()
    }

    /// The next batch; nil when the executors were stopped and nothing is left.
    private func take() -> [Job]? {
        while true {
            waiting.wait()
            let (taken, isStopped) = queue.withLock { queue in
                let taken = queue.take()
                return (taken, queue.isStopped)
            }
            if let taken {
                if taken.isReadyAgain { waiting.signal() }
                return taken.batch
            }
            if isStopped { return nil }
        }
    }
}
