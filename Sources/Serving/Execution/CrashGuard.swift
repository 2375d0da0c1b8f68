internal import Synchronization

/// Keeps callers away whose inputs end a version's engine hosts, as its ``CrashLedger`` says.
final class CrashGuard: Sendable {
    /// Whether the ledger holds anything. Relaxed: a request that comes at the same time as the
    /// first end may pass.
    private let isActive = Atomic(false)
    private let ledger = Mutex(CrashLedger())

    /// Notes an end of a host that an input of a caller caused.
    func charge(_ caller: String, atNs nowNs: UInt64) {
        ledger.withLock { $0.charge(caller, atNs: nowNs) }
        isActive.store(true, ordering: .relaxed)
    }

    /// Refuses a caller that is to wait.
    /// - Parameter nowNs: nil: the present.
    /// - Throws: `resourceExhausted` for a caller that is paused, `unavailable` for a version that
    ///   is.
    func check(
        _ caller: String,
        of id: VersionID,
        atNs nowNs: UInt64? = nil
    ) throws(ServingError) {
        guard isActive.load(ordering: .relaxed) else { return }
        switch pause(of: caller, atNs: nowNs ?? Uptime.ns) {
        case nil: return
        case .caller(let left):
            throw .exhausted(
                "inputs of this caller have ended the process of \(id) \(CrashLedger.maxEnds) times "
                    + "or more within \(CrashLedger.windowNs / 1_000_000_000) s, or have taken "
                    + "longer than a run may: its calls are refused for a while",
                retryAfterNs: left
            )
        case .version(let left):
            throw ServingError(
                .unavailable,
                "\(id) is in back-off: inputs of \(CrashLedger.maxCallers) callers or more have "
                    + "ended its process within \(CrashLedger.windowNs / 1_000_000_000) s, or have "
                    + "taken longer than a run may",
                retryAfterNs: left
            )
        }
    }

    private func pause(of caller: String, atNs nowNs: UInt64) -> CrashLedger.Pause? {
        ledger.withLock { ledger in
            if ledger.isEmpty(atNs: nowNs) {
                ledger = CrashLedger()
                isActive.store(false, ordering: .relaxed)
            }
            return ledger.pause(of: caller, atNs: nowNs)
        }
    }

    /// The requests of a batch that may run; the others are answered. A caller may have queued many
    /// before the first of them ended a host. A request that runs again does so in spite of the
    /// version's pause, which the others of its batch may have caused.
    static func allowed(_ batch: [Job]) -> [Job] {
        guard let guardian = batch.first?.slot.crashes, guardian.isActive.load(ordering: .relaxed)
        else { return batch }
        return batch.filter { job in
            do throws(ServingError) {
                try guardian.check(job.request.principal, of: job.slot.id)
                return true
            } catch  where error.code == .unavailable && job.attempt != .first {
                return true
            } catch {
                job.finish(.failure(error))
                return false
            }
        }
    }
}
