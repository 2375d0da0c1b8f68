/// A move that is about to be accepted.
struct AliasMove {
    let model: String
    let name: String
    let version: UInt64
    var isRollback = false
    var overrides = MoveOverrides()
    let principal: String
    var reason = ""
}

extension AliasMoveInfo {
    /// The move with what became of it.
    func settled(_ outcome: AliasOutcome, servedUnixMs: Int64 = 0) -> AliasMoveInfo {
        AliasMoveInfo(
            generation: generation,
            fromVersion: fromVersion,
            toVersion: toVersion,
            principal: principal,
            reason: reason,
            askedUnixMs: askedUnixMs,
            servedUnixMs: servedUnixMs,
            outcome: outcome
        )
    }
}
