internal import Registry

/// What this server knows of one alias, and what it does about it. A plain value of the
/// reconciler's.
struct FollowedAlias {
    /// Somebody who waits for the end of a move.
    struct Waiter {
        let ticket: UInt64
        let generation: UInt64
        let continuation: CheckedContinuation<MoveEnd?, Never>
    }

    /// Why something cannot serve, for as long as the alias stands at `generation`.
    struct Refusal {
        let generation: UInt64
        let reason: String
    }

    /// The differences of the signatures that the move of a generation makes, or would have made.
    struct Differences {
        let generation: UInt64
        let texts: [String]
    }

    /// The version that the routing table answers with.
    var answering: VersionID?
    /// What answered before: kept warm, so that a rollback needs no load.
    var previous: VersionID?
    /// What the registry says answers, when it was last read.
    private(set) var current: VersionID?
    /// What the registry says shall answer, when it was last read.
    private(set) var target: VersionID?
    /// The last move that was seen.
    private(set) var generation: UInt64 = 0

    /// The comparison with the registry that is under way.
    var pass: Task<Void, Never>?
    /// Whether the alias changed since that began.
    var isChanged = false
    /// The pause before the next attempt, after a failure that may pass.
    var retry: Task<Void, Never>?
    /// Such failures in a row.
    var failures = 0

    /// The move whose target's load is waited for.
    var awaited: UInt64?
    /// Why the target of the pending move cannot serve, until the registry knows.
    var refusedTarget: Refusal?
    /// The load of what should answer already.
    var restoring: Task<Void, Never>?
    /// Why what should answer cannot.
    var broken: Refusal?

    var waiters: [Waiter] = []
    /// Of the last move that was compared.
    var differences: Differences?

    /// Changes of the signature by a move; empty if it was not compared, or a later one was.
    func signatureChanges(of generation: UInt64) -> [String] {
        differences?.generation == generation ? differences?.texts ?? [] : []
    }

    /// Takes note of what the registry says.
    mutating func note(_ wish: AliasInfo, model: String) {
        if wish.generation != generation { (failures, awaited) = (0, nil) }
        generation = wish.generation
        current = wish.version == 0 ? nil : VersionID(model: model, version: wish.version)
        target = VersionID(model: model, version: wish.targetVersion)
    }

    /// Takes note that the alias is gone.
    mutating func noteDeletion() {
        (answering, previous, current, target) = (nil, nil, nil, nil)
        (awaited, refusedTarget, broken) = (nil, nil, nil)
    }

    /// What must stay loaded for it.
    var needed: [VersionID] { [answering, current, target].compactMap { $0 } }

    /// What stays loaded for it while there is memory.
    var held: [VersionID] { previous.map { needed + [$0] } ?? needed }

    /// Whether it can be forgotten.
    var isIdle: Bool {
        target == nil && pass == nil && retry == nil && restoring == nil && waiters.isEmpty
    }

    /// Takes the waiters out that `belongs` picks.
    mutating func takeWaiters(where belongs: (Waiter) -> Bool) -> [Waiter] {
        let taken = waiters.filter(belongs)
        waiters.removeAll(where: belongs)
        return taken
    }
}
