internal import Engine
internal import Synchronization

/// One run for the requests of a batch, all of one version.
struct BatchRun {
    /// The result of the runs of a batch.
    struct Outcome {
        /// Whether a run gave answers. One that was stopped or failed says nothing of how long the
        /// next one takes.
        var gaveAnswers = false
        /// Runs whose requests are not answered yet: the executors decide on them.
        var unsettled: [Unsettled] = []
    }

    /// A run that took its process with it, or was ended at its limit of time.
    struct Unsettled {
        let jobs: [Job]
        let error: EngineError
    }

    private let jobs: [Job]
    /// The executor's place; nil: the batch runs on an event loop.
    private let place: RunPlace?
    /// The time that a request must have left of its deadline to be run.
    private let neededNs: UInt64
    /// Parts of the batch that are to run after the present one, the next one last.
    private var rest: [[Job]] = []
    private var outcome = Outcome()

    init(_ jobs: [Job], on place: RunPlace? = nil, neededNs: UInt64 = 0) {
        self.jobs = jobs
        self.place = place
        self.neededNs = neededNs
    }

    /// Runs the batch and answers its requests, but for those of ``Outcome/unsettled``. A part that
    /// fails together is halved until the request is alone that it fails for: its company is
    /// answered as if it had not been there.
    @discardableResult
    func run() -> Outcome {
        var batch = self
        batch.runAll()
        return batch.outcome
    }

    private mutating func runAll() {
        let wanted = wanted(jobs)
        if wanted.count > 1 { runTogether(Self.checked(wanted)) } else { runTogether(wanted) }
        while let next = rest.popLast() { runTogether(self.wanted(next)) }
    }

    /// The requests whose answers are still waited for; the others are answered, or wait for room
    /// for their results.
    private func wanted(_ jobs: [Job]) -> [Job] {
        jobs.filter { job in
            guard let lapse = job.lapse(neededNs: neededNs) else { return !job.leavesForRoom() }
            job.finish(.failure(lapse))
            return false
        }
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

    private mutating func runAlone(_ job: Job) {
        let start = ContinuousClock.now
        do throws(RunFailure) {
            let outputs = try outputs(of: job.slot, job.request.inputs, for: [job])
            let ran = Run(of: job.slot, start: start, requests: 1, rows: job.request.rows)
            job.finish(.success(ran.prediction(of: job, outputs)))
            outcome.gaveAnswers = true
        } catch {
            failed([job], error)
        }
    }

    private mutating func runTogether(_ jobs: [Job]) {
        guard let first = jobs.first else { return }
        guard jobs.count > 1 else { return runAlone(first) }
        guard !first.slot.results.isUnknown else {
            // The others may have no room for results of its size.
            rest.append(Array(jobs.dropFirst()))
            return runAlone(first)
        }
        let rows = jobs.map { Int(clamping: $0.request.rows) }
        let start = ContinuousClock.now
        do throws(RunFailure) {
            let batch = GatheredBatch(
                jobs.map(\.request.inputs),
                inParts: first.slot.model.copiesInputs
            )
            let outputs = try outputs(of: first.slot, batch.inputs, for: jobs)
            guard let parts = OutputParts(outputs, rows: rows) else { return halve(jobs) }
            let ran = Run(
                of: first.slot,
                start: start,
                requests: jobs.count,
                rows: UInt64(rows.reduce(0, +))
            )
            answer(jobs, parts, ran)
            outcome.gaveAnswers = true
        } catch {
            failed(jobs, error)
        }
    }

    private mutating func answer(_ jobs: [Job], _ parts: OutputParts, _ ran: Run) {
        for (index, job) in jobs.enumerated() {
            let outputs = parts.outputs(of: index)
            if outputs.contains(where: \.holdsNaN) {
                // The bits of a NaN depend on the place of the row.
                rest.append([job])
            } else {
                job.finish(.success(ran.prediction(of: job, outputs)))
            }
        }
    }

    /// Why a run gave no outputs.
    private enum RunFailure: Error {
        case engine(EngineError)
        /// Its requests were answered before it ended.
        case abandoned
    }

    /// One run of the model.
    private func outputs(
        of slot: Slot,
        _ inputs: [InputTensor],
        for jobs: [Job]
    ) throws(RunFailure) -> [OutputTensor] {
        let names = jobs.first?.request.outputNames ?? []
        let stop = stop(for: jobs)
        let watch = slot.cost.begin(onLoop: place == nil)
        // Of a run that fails too: it has held its thread as long.
        defer { slot.cost.end(watch, rows: BatchShape.rows(of: inputs) ?? 1) }
        if let stop { place?.begin(work(jobs), stop: stop) }
        let result: Result<[OutputTensor], EngineError>
        do throws(EngineError) {
            result = .success(try slot.model.run(inputs, outputs: names, stop: stop))
        } catch {
            result = .failure(error)
        }
        switch (place?.end() ?? .inTime, result) {
        case (.abandoned, _): throw .abandoned
        case (_, .success(let outputs)): return outputs
        case (.overTime, .failure(let error)) where error.code == .terminated:
            throw .engine(EngineError(.overTime, error.message, detail: error.detail))
        case (_, .failure(let error)): throw .engine(error)
        }
    }

    private func work(_ jobs: [Job]) -> RunPlace.Work {
        RunPlace.Work(jobs: jobs, rest: rest, unsettled: outcome.unsettled)
    }

    private mutating func failed(_ jobs: [Job], _ failure: RunFailure) {
        guard case .engine(let error) = failure else {
            // The watch has answered these, and has taken the other parts.
            for job in jobs { job.leave() }
            (rest, outcome.unsettled) = ([], [])
            return
        }
        switch error.code {
        case .processEnded, .processLost, .overTime:
            outcome.unsettled.append(Unsettled(jobs: jobs, error: error))
        case _ where jobs.count > 1 && Self.mayBeDueToOne(error, of: jobs):
            halve(jobs)
        case _:
            for job in jobs { job.finish(.failure(job.failure(for: error))) }
        }
    }

    /// Whether one request may have made the run of several fail, memory that a value asks for
    /// included. A run is stopped when none of its requests is wanted any more, and no request
    /// keeps a host from being started.
    private static func mayBeDueToOne(_ error: EngineError, of jobs: [Job]) -> Bool {
        switch error.code {
        case .terminated: false
        case .unavailable: jobs.first?.slot.executors == nil
        default: true
        }
    }

    private mutating func halve(_ jobs: [Job]) {
        let middle = jobs.count / 2
        rest.append(Array(jobs[middle...]))
        rest.append(Array(jobs[..<middle]))
    }

    /// Ends a run at its limit of time, or when none of its requests is wanted any more. The calls
    /// keep it until they are answered.
    /// - Returns: nil on a loop, if one of the requests does not tell: a run there has no limit, as
    ///   it is known to be short.
    private func stop(for jobs: [Job]) -> RunStop? {
        let tell = jobs.allSatisfy { $0.request.onCancel != nil }
        guard tell || place != nil, let slot = jobs.first?.slot else { return nil }
        let stop = RunStop(endsAtNs: place == nil ? nil : Uptime.ns + slot.runNs)
        guard tell else { return stop }
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
            job.slot.results.note(outputs, of: job.request)
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
