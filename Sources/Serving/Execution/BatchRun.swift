internal import Engine
internal import Synchronization

/// One run for the requests of a batch, all of one version.
struct BatchRun {
    private let jobs: [Job]
    /// Whether it runs on an event loop.
    private let isOnLoop: Bool
    /// The time that a request must have left of its deadline to be run.
    private let neededNs: UInt64

    init(_ jobs: [Job], isOnLoop: Bool = false, neededNs: UInt64 = 0) {
        self.jobs = jobs
        self.isOnLoop = isOnLoop
        self.neededNs = neededNs
    }

    /// Runs the batch and answers each of its requests. What fails together is halved until the
    /// request is alone that it fails for: its company is answered as if it had not been there.
    /// - Returns: whether a run gave answers. One that was stopped or failed says nothing of how long
    ///   the next one takes.
    @discardableResult
    func run() -> Bool {
        let wanted = jobs.filter { job in
            guard let lapse = job.lapse(neededNs: neededNs) else { return true }
            job.finish(.failure(lapse))
            return false
        }
        guard wanted.count > 1 else {
            return wanted.first.map(runAlone) ?? false
        }
        return runTogether(Self.checked(wanted))
    }

    private func runAlone(_ job: Job) -> Bool {
        let start = ContinuousClock.now
        do throws(EngineError) {
            let outputs = try outputs(of: job.slot, job.request.inputs, for: [job])
            let ran = Run(of: job.slot, start: start, requests: 1, rows: job.request.rows)
            job.finish(.success(ran.prediction(of: job, outputs)))
            return true
        } catch {
            job.finish(.failure(job.failure(for: error)))
            return false
        }
    }

    /// One run of the model.
    private func outputs(
        of slot: Slot,
        _ inputs: [InputTensor],
        for jobs: [Job]
    ) throws(EngineError) -> [OutputTensor] {
        let names = jobs.first?.request.outputNames ?? []
        // On a loop too: a model may take long for values that nobody has measured.
        let stop = stop(for: jobs)
        let watch = slot.cost.begin(onLoop: isOnLoop)
        // Of a run that fails too: it has held its thread as long.
        defer { slot.cost.end(watch, rows: BatchShape.rows(of: inputs) ?? 1) }
        return try slot.model.run(inputs, outputs: names, stop: stop)
    }

    /// Each request against the model's signature: what is wrong with one must not meet the others.
    private static func checked(_ jobs: [Job]) -> [Job] {
        jobs.filter { job in
            do throws(ServingError) {
                try job.check()
                return true
            } catch {
                job.finish(.failure(error))
                return false
            }
        }
    }

    private func runTogether(_ jobs: [Job]) -> Bool {
        guard let first = jobs.first, jobs.count > 1 else {
            return jobs.first.map(runAlone) ?? false
        }
        let rows = jobs.map { Int(clamping: $0.request.rows) }
        let start = ContinuousClock.now
        do throws(EngineError) {
            let batch = GatheredBatch(jobs.map(\.request.inputs))
            let outputs = try outputs(of: first.slot, batch.inputs, for: jobs)
            guard let parts = OutputParts(outputs, rows: rows) else { return halve(jobs) }
            let ran = Run(
                of: first.slot,
                start: start,
                requests: jobs.count,
                rows: UInt64(rows.reduce(0, +))
            )
            for (index, job) in jobs.enumerated() {
                let outputs = parts.outputs(of: index)
                if outputs.contains(where: \.holdsNaN) {
                    // The bits of a NaN depend on the place of the row.
                    _ = runAlone(job)
                } else {
                    job.finish(.success(ran.prediction(of: job, outputs)))
                }
            }
            return true
        } catch {
            // A run is ended when none of its requests is wanted any more. Any other failure may
            // be due to one request, memory that a value asks for included.
            guard error.code == .terminated else { return halve(jobs) }
            for job in jobs { job.finish(.failure(job.failure(for: error))) }
            return false
        }
    }

    private func halve(_ jobs: [Job]) -> Bool {
        let middle = jobs.count / 2
        let first = runTogether(Array(jobs[..<middle]))
        return runTogether(Array(jobs[middle...])) || first
    }

    /// What ends the run when nobody waits for it any more; nil if one of the requests does not
    /// tell. The calls keep it until they are answered.
    private func stop(for jobs: [Job]) -> RunStop? {
        guard jobs.allSatisfy({ $0.request.onCancel != nil }) else { return nil }
        let stop = RunStop()
        let left = Countdown(jobs.count)
        for job in jobs {
            job.request.onCancel? { if left.isDone() { stop.stop() } }
        }
        return stop
    }

    /// A run that has just ended.
    private struct Run {
        let start: ContinuousClock.Instant
        let computeNs: UInt64
        let rows: UInt64

        init(of slot: Slot, start: ContinuousClock.Instant, requests: Int, rows: UInt64) {
            self.start = start
            self.rows = rows
            computeNs = (ContinuousClock.now - start).nanoseconds
            slot.meter.ran(requests: UInt64(requests), rows: rows, computeNs: computeNs)
        }

        func prediction(of job: Job, _ outputs: [OutputTensor]) -> Prediction {
            let own = job.request.rows
            let queueNs = (start - job.queuedAt).nanoseconds
            job.slot.meter.waited(queueNs)
            return Prediction(
                version: job.slot.id.version,
                outputs: outputs,
                rows: own,
                batchRows: rows,
                queueNs: queueNs,
                computeNs: computeNs,
                ownComputeNs: rows == own
                    ? computeNs : UInt64(Double(computeNs) * Double(own) / Double(rows)),
                loadNs: job.loadNs
            )
        }
    }
}

/// Counts down from several threads.
private final class Countdown: Sendable {
    // Relaxed would do for the count; what the last one then does has to see what the others did.
    private let left: Atomic<Int>

    init(_ count: Int) {
        left = Atomic(count)
    }

    /// Whether this was the last one.
    func isDone() -> Bool {
        left.subtract(1, ordering: .acquiringAndReleasing).newValue == 0
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
    /// The error that a caller gets for an engine's failure on a request.
    init(engine error: EngineError) {
        let code: Code =
            switch error.code {
            case .invalidInput: .invalidArgument
            case .terminated: .cancelled
            case .outOfMemory: .resourceExhausted
            case .unavailable: .unavailable
            case .invalidModel, .unsupported, .runtimeFailed: .internalFailure
            }
        self.init(code, error.message, detail: error.detail)
    }
}
