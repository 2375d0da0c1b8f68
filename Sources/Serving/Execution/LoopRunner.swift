/// Runs requests on the thread of an event loop: those that cost less than a hop to an executor,
/// together with what else came in the same round of the loop.
///
/// It belongs to its loop, like the connections that use it, and is called on it alone.
package final class LoopRunner {
    /// What one round may spend on runs, in nanoseconds; what is beyond it goes to the executors,
    /// so that other connections of the loop do not wait.
    private static var roundNs: UInt64 { 200_000 }

    private let schedule: () -> Void
    private var queue = BatchQueue(isCounted: false)
    private var isScheduled = false
    private var spentNs: UInt64 = 0

    /// - Parameter schedule: called with the first request of a round: has ``run()`` called once,
    ///   on the loop, when what came in this round was read.
    package init(schedule: @escaping () -> Void) {
        self.schedule = schedule
    }

    /// Takes a request for the end of this round; false if it costs too much, or is larger
    /// than what was measured.
    func take(_ job: Job) -> Bool {
        let plan = job.slot.plan
        // Whoever waits for company waits longer than a round.
        guard plan.maxDelayUs == 0,
            let rows = job.mergeableRows ?? BatchShape.rows(of: job.request.inputs),
            let cost = job.slot.cost.onLoop(rows: rows, isFirst: !queue.hasRoom(for: job)),
            spentNs + cost <= Self.roundNs,
            job.slot.cost.holds(for: job.request.inputs, rows: rows)
        else { return false }
        spentNs += cost
        _ = queue.add(job)
        if !isScheduled {
            isScheduled = true
            schedule()
        }
        return true
    }

    /// Runs and answers what was taken.
    package func run() {
        isScheduled = false
        spentNs = 0
        while let taken = queue.take() {
            let unmeasured = taken.batch.first?.admission.drain.isKnown == false
            let begin = unmeasured ? Uptime.ns : 0
            let outcome = BatchRun(taken.batch).run()
            // No version that runs in a process of its own runs on a loop.
            for run in outcome.unsettled {
                for job in run.jobs { job.finish(.failure(job.failure(for: run.error))) }
            }
            if unmeasured, outcome.gaveAnswers { note(taken.batch, beganAtNs: begin) }
        }
    }

    /// The first measurement of a model: the executors, which get what a loop has no time for, make
    /// the others.
    private func note(_ batch: [Job], beganAtNs begin: UInt64) {
        let end = Uptime.ns
        batch.first?.admission.drain.tookAtMost(QueueWork(batch, atNs: end), ns: end - begin)
    }
}

@available(*, unavailable)
extension LoopRunner: Sendable {}
