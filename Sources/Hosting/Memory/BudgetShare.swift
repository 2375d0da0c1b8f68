internal import Engine
internal import Synchronization

/// The part of a budget that one host may hold: a host that keeps what it was given leaves the
/// other hosts, and requests to the server itself, the rest.
final class BudgetShare: Sendable {
    /// Bytes, inclusive.
    private let limitBytes: Int
    private let whole: any ByteBudget
    private let taken = Atomic(0)

    init(of whole: any ByteBudget) {
        self.whole = whole
        limitBytes = whole.limitBytes / HostingLimits.budgetShare
    }

    /// Takes bytes from the share, and from the whole.
    ///
    /// - Throws: `outOfMemory` if one of them has not so many left.
    func take(_ bytes: Int) throws(EngineError) {
        guard takeOwn(bytes) else {
            throw EngineError(
                .outOfMemory,
                "\(bytes) bytes of tensors wait for memory outside of the ring, and the model's "
                    + "process may have \(limitBytes) bytes of such memory at one time"
            )
        }
        guard whole.take(bytes) else {
            taken.subtract(bytes, ordering: .relaxed)
            throw EngineError(
                .outOfMemory,
                "\(bytes) bytes of tensors wait for memory outside of the ring, and the server's "
                    + "limit for such bytes is reached"
            )
        }
    }

    /// Returns bytes that ``take(_:)`` gave.
    func giveBack(_ bytes: Int) {
        taken.subtract(bytes, ordering: .relaxed)
        whole.giveBack(bytes)
    }

    private func takeOwn(_ bytes: Int) -> Bool {
        var seen = taken.load(ordering: .relaxed)
        while true {
            guard bytes <= limitBytes - seen else { return false }
            let (isDone, now) = taken.weakCompareExchange(
                expected: seen,
                desired: seen + bytes,
                ordering: .relaxed
            )
            if isDone { return true }
            seen = now
        }
    }
}
