import Registry

/// A registry of one model as a few lines say what it does, one call after the other.
struct RegistryModel {
    struct Move {
        let version: UInt64
        let isRollback: Bool
        var outcome: AliasOutcome
    }

    struct Alias {
        var point = AliasPoint()
        var moves: [Move] = []
    }

    /// Sealed files of each version: the card and the model.
    static let blobsPerVersion: UInt64 = 2

    /// Sealed files that collections have freed.
    private(set) var freed: UInt64 = 0
    /// Whether each version is deleted, from 1 on.
    private(set) var deleted: [Bool] = []
    private(set) var rejected: Set<UInt64> = []
    private(set) var aliases: [String: Alias] = [:]

    /// Makes a call that succeeded.
    ///
    /// - Returns: The answers that a registry could not have given.
    mutating func apply(_ call: Call) -> String? {
        switch (call.action, call.outcome) {
        case (.publish(let alias), .published(let version, let generation)):
            deleted.append(false)
            guard version == UInt64(deleted.count) else { return "version \(version)" }
            guard let alias else { return generation == 0 ? nil : "a move nobody asked for" }
            return move(alias, to: version, isRollback: false, generation)
        case (.set(let alias, let wanted, let expected), .moved(let version, let generation)):
            guard isExpected(alias, expected) else { return "generation \(expected) was expected" }
            guard version == wanted, isUsable(version) else { return "moved to \(version)" }
            return move(alias, to: version, isRollback: false, generation)
        case (.rollback(let alias, let expected), .moved(let version, let generation)):
            guard isExpected(alias, expected) else { return "generation \(expected) was expected" }
            guard previous(alias) == version else { return "rolled back to \(version)" }
            return move(alias, to: version, isRollback: true, generation)
        case (.validate(let version, let passes), .validated(let verdict)):
            return validate(version, passes: passes, verdict)
        case (.delete(let version), .deleted):
            guard exists(version), !isPointedTo(version) else { return "deleted \(version)" }
            deleted[Int(version) - 1] = true
            return nil
        case (.settle(let alias, let generation, let isServed), .settled(true)):
            guard isPending(alias, generation) else { return "settled \(generation)" }
            settle(alias, isServed: isServed)
            return nil
        case (.collect, .collected(let blobs, _)):
            freed += blobs
            let free = Self.blobsPerVersion * UInt64(deleted.filter { $0 }.count)
            return freed <= free ? nil : "freed \(freed) of \(free)"
        case (.rotate, .rotated): return nil
        default: return "an answer to another question"
        }
    }

    /// Whether a registry in this state may answer a call so and change nothing.
    func explains(_ call: Call) -> Bool {
        switch (call.action, call.outcome) {
        case (.set(let alias, _, let expected), .refused(.aborted)),
            (.rollback(let alias, let expected), .refused(.aborted)):
            return !isExpected(alias, expected)
        case (.set(let alias, let version, let expected), .refused(.failedPrecondition)):
            return isExpected(alias, expected)
                && (isDeleted(version) || rejected.contains(version))
        case (.rollback(let alias, let expected), .refused(.failedPrecondition)):
            return isExpected(alias, expected) && aliases[alias] != nil && previous(alias) == nil
        case (.delete(let version), .refused(.failedPrecondition)): return isPointedTo(version)
        case (.delete(let version), .refused(.notFound)),
            (.validate(let version, _), .refused(.notFound)),
            (.read(let version), .refused(.notFound)):
            return !exists(version)
        case (.validate(let version, true), .validated(.stored)): return isUsable(version)
        case (.validate(let version, false), .validated(.kept)):
            return isUsable(version) && isPointedTo(version)
        case (.settle(let alias, let generation, _), .settled(false)):
            return !isPending(alias, generation)
        case (.look(let alias), .saw(let point)): return aliases[alias]?.point == point
        case (.read(let version), .wasRead): return exists(version)
        // What is in use stays.
        case (.collect, .collected): return true
        default: return false
        }
    }

    /// - Returns: The answers that a registry could not have given.
    private mutating func validate(
        _ version: UInt64,
        passes: Bool,
        _ verdict: Call.Verdict
    ) -> String? {
        guard exists(version) else { return "validated \(version)" }
        switch (passes, verdict) {
        case (true, .stored):
            return rejected.remove(version) == nil ? "\(version) was not rejected" : nil
        case (false, .rejected):
            guard rejected.contains(version) || !isPointedTo(version) else {
                return "rejected \(version)"
            }
            rejected.insert(version)
            return nil
        default: return "an answer to another question"
        }
    }

    private mutating func move(
        _ name: String,
        to version: UInt64,
        isRollback: Bool,
        _ generation: UInt64
    ) -> String? {
        var alias = aliases[name] ?? Alias()
        let newest = alias.moves.count - 1
        if newest >= 0, alias.moves[newest].outcome == .pending {
            alias.moves[newest].outcome = .superseded
        }
        let isThere = alias.point.version == version
        alias.moves.append(
            Move(version: version, isRollback: isRollback, outcome: isThere ? .served : .pending)
        )
        alias.point.target = version
        alias.point.generation += 1
        aliases[name] = alias
        return alias.point.generation == generation ? nil : "generation \(generation)"
    }

    private mutating func settle(_ name: String, isServed: Bool) {
        guard var alias = aliases[name] else { return }
        alias.moves[alias.moves.count - 1].outcome = isServed ? .served : .rejected
        if isServed {
            alias.point.version = alias.point.target
        } else {
            alias.point.target = alias.point.version
        }
        aliases[name] = alias
    }

    /// What a rollback goes to: moves push, rollbacks take away what is above.
    private func previous(_ name: String) -> UInt64? {
        guard let alias = aliases[name] else { return nil }
        var stack: [UInt64] = []
        for move in alias.moves where move.outcome == .served || move.outcome == .pending {
            if move.isRollback, let index = stack.lastIndex(of: move.version) {
                stack.removeSubrange((index + 1)...)
            } else if stack.last != move.version {
                stack.append(move.version)
            }
        }
        return stack.dropLast().last { $0 != alias.point.target && isUsable($0) }
    }

    private func isExpected(_ alias: String, _ expected: UInt64) -> Bool {
        expected == 0 || aliases[alias]?.point.generation == expected
    }

    private func isPending(_ alias: String, _ generation: UInt64) -> Bool {
        aliases[alias]?.point.generation == generation
            && aliases[alias]?.moves.last?.outcome == .pending
    }

    /// Whether an alias may move to it.
    private func isUsable(_ version: UInt64) -> Bool {
        exists(version) && !rejected.contains(version)
    }

    private func exists(_ version: UInt64) -> Bool {
        (1...UInt64(max(1, deleted.count))).contains(version) && !isDeleted(version)
            && !deleted.isEmpty
    }

    private func isDeleted(_ version: UInt64) -> Bool {
        version >= 1 && version <= UInt64(deleted.count) && deleted[Int(version) - 1]
    }

    private func isPointedTo(_ version: UInt64) -> Bool {
        aliases.values.contains { $0.point.version == version || $0.point.target == version }
    }
}
