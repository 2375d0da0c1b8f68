internal import Synchronization

/// The shares of principals in the queues of a server: its ``ShareLedger``, for all threads.
///
/// A queue notes here what it adds and what leaves it while it has its own lock. Nothing here takes
/// another lock.
final class WaitingShares: Sendable {
    private let ledger = Mutex(ShareLedger())

    /// Notes that a request waits.
    func add(_ job: Job, at place: BatchQueue.Place) {
        ledger.withLock { job.ticket.store($0.add(job, at: place), ordering: .relaxed) }
    }

    /// Notes that requests do not wait any more.
    func remove(_ jobs: [Job]) {
        ledger.withLock { ledger in for job in jobs { Self.remove(job, from: &ledger) } }
    }

    /// Notes that a request does not wait any more.
    func remove(_ job: Job) { ledger.withLock { Self.remove(job, from: &$0) } }

    private static func remove(_ job: Job, from ledger: inout ShareLedger) {
        let ticket = job.ticket.exchange(Job.noTicket, ordering: .relaxed)
        if ticket != Job.noTicket { ledger.remove(ticket) }
    }

    /// The request that gives its place up for a newcomer; nil: the newcomer has no better claim. It
    /// is not counted any more; its queue is to withdraw it, unless its run has begun.
    func takeDisplaced(
        for claim: ShareLedger.Claim,
        in scope: ShareLedger.Scope
    ) -> ShareLedger.Displaced? {
        ledger.withLock { ledger in
            guard let displaced = ledger.displaced(for: claim, in: scope) else { return nil }
            Self.remove(displaced.job, from: &ledger)
            return displaced
        }
    }
}
