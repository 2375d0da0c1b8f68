/// The versions that an alias can go back to, worked out from its history.
///
/// An ordinary move pushes its version; a rollback takes away what was above the version it went
/// to. So a second rollback goes further back and never forward to what the first one left.
struct ServedStack: Equatable {
    /// What the stack needs to know of a move.
    struct Move: Equatable {
        let toVersion: UInt64
        let isRollback: Bool
        let outcome: AliasOutcome
    }

    /// The versions, the one asked for last on top, at the end.
    private(set) var versions: [UInt64] = []
    /// Every version that ever served here, also those that a rollback left.
    private(set) var everServed: Set<UInt64> = []

    /// Walks `moves`, oldest first. A pending move counts as if it had served: what lies below
    /// it is what answers now. Superseded and rejected ones never were.
    init(_ moves: [Move]) {
        for move in moves {
            switch move.outcome {
            case .served:
                apply(move)
                everServed.insert(move.toVersion)
            case .pending: apply(move)
            case .superseded, .rejected: continue
            }
        }
    }

    private mutating func apply(_ move: Move) {
        if move.isRollback, let index = versions.lastIndex(of: move.toVersion) {
            versions.removeSubrange((index + 1)...)
        } else if versions.last != move.toVersion {
            versions.append(move.toVersion)
        }
    }

    /// The version to go back to from `target`, the version that the alias is to answer with
    /// now; `nil` if there is none that `isUsable`.
    func previous(to target: UInt64, where isUsable: (UInt64) throws -> Bool) rethrows -> UInt64? {
        for version in versions.dropLast().reversed()
        where try version != target && isUsable(version) {
            return version
        }
        return nil
    }
}
