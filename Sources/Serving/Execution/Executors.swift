internal import Dispatch
internal import Engine
internal import Glibc
internal import Synchronization

/// The threads that run models, and the one queue before them, first come first served.
///
/// The queue is bounded by the models' ``Admission``: a job is submitted only with a place taken.
/// This is where requests that wait will be merged into batches: `take` may hand out several jobs.
final class Executors<Bytes: TensorBytes>: Sendable {
    /// A request with its version and its place in the queue.
    struct Job: Sendable {
        let request: PredictionRequest<Bytes>
        let slot: Slot
        let admission: Admission
        let queuedAt: ContinuousClock.Instant
        let loadNs: UInt64
    }

    private struct Queue {
        var jobs: [Job?] = []
        var head = 0
        var isStopped = false
    }

    private let queue = Mutex(Queue())
    private let waiting = DispatchSemaphore(value: 0)

    init(threads: Int) {
        let count = threads > 0 ? threads : Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        for _ in 0..<max(count, 1) {
            WorkerThread.start { self.work() }
        }
    }

    /// Queues a job.
    /// - Returns: false when the executors were stopped: the job will not be run.
    func submit(_ job: Job) -> Bool {
        let isTaken = queue.withLock { queue in
            guard !queue.isStopped else { return false }
            queue.jobs.append(job)
            return true
        }
        if isTaken { waiting.signal() }
        return isTaken
    }

    /// Ends the threads once what is queued has been run.
    func stop() {
        queue.withLock { $0.isStopped = true }
        waiting.signal()
    }

    private func work() {
        while let job = take() { run(job) }
        // Wakes the next thread, which finds the same.
        waiting.signal()
    }

    /// The oldest job; nil when the executors were stopped and none is left.
    private func take() -> Job? {
        while true {
            waiting.wait()
            let (job, isStopped) = queue.withLock { queue -> (Job?, Bool) in
                guard queue.head < queue.jobs.count else { return (nil, queue.isStopped) }
                let job = queue.jobs[queue.head]
                queue.jobs[queue.head] = nil
                queue.head += 1
                if queue.head == queue.jobs.count || queue.head >= 4_096 {
                    queue.jobs.removeFirst(queue.head)
                    queue.head = 0
                }
                return (job, false)
            }
            if let job { return job }
            if isStopped { return nil }
        }
    }

    private func run(_ job: Job) {
        let request = job.request
        guard !request.isCancelled() else {
            return finish(job, .failure(ServingError(.cancelled, "the call was cancelled")))
        }
        let start = ContinuousClock.now
        do throws(EngineError) {
            let outputs = try job.slot.model.run(
                request.inputs,
                outputs: request.outputNames,
                stop: stop(for: request)
            )
            let prediction = Prediction(
                version: job.slot.id.version,
                outputs: outputs,
                rows: request.rows,
                queueNs: (start - job.queuedAt).nanoseconds,
                computeNs: (ContinuousClock.now - start).nanoseconds,
                loadNs: job.loadNs
            )
            finish(job, .success(prediction))
        } catch {
            finish(job, .failure(ServingError(engine: error)))
        }
    }

    /// What ends the run when nobody waits for it any more; nil if nothing tells of that. The call
    /// keeps it until it is answered.
    private func stop(for request: PredictionRequest<Bytes>) -> RunStop? {
        guard let onCancel = request.onCancel else { return nil }
        let stop = RunStop()
        onCancel { stop.stop() }
        return stop
    }

    /// The place is free before the answer is out: who has it may ask again at once.
    private func finish(_ job: Job, _ result: Result<Prediction, ServingError>) {
        job.admission.leave(bytes: job.request.heldBytes)
        job.request.completion(result)
    }
}

extension Duration {
    /// Whole nanoseconds; negative ones count as none.
    var nanoseconds: UInt64 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        return UInt64(seconds) * 1_000_000_000 + UInt64(attoseconds / 1_000_000_000)
    }
}

extension ServingError {
    /// What a caller may know of an engine's failure on a request.
    init(engine error: EngineError) {
        let code: Code =
            switch error.code {
            case .invalidInput: .invalidArgument
            case .terminated: .cancelled
            case .unavailable: .unavailable
            case .invalidModel, .unsupported, .runtimeFailed: .internalFailure
            }
        self.init(code, error.message, detail: error.detail)
    }
}
