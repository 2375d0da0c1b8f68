/// A pointer with a wish: what answers now, and what was asked for.
package struct AliasInfo: Sendable, Equatable {
    /// The alias's name.
    package let name: String
    /// The version that answers now; 0 while none ever did.
    package let version: UInt64
    /// Grows by one at each accepted move; what compare-and-set compares.
    package let generation: UInt64
    /// The version asked for; equal to ``version`` when settled.
    package let targetVersion: UInt64
    /// Why the last move did not happen; empty otherwise.
    package let failure: String
    /// When the last move was asked for, in milliseconds since 1970.
    package let changedUnixMs: Int64
    /// The principal that asked for the last move.
    package let changedBy: String

    /// Describes an alias.
    package init(
        name: String,
        version: UInt64,
        generation: UInt64,
        targetVersion: UInt64,
        failure: String,
        changedUnixMs: Int64,
        changedBy: String
    ) {
        self.name = name
        self.version = version
        self.generation = generation
        self.targetVersion = targetVersion
        self.failure = failure
        self.changedUnixMs = changedUnixMs
        self.changedBy = changedBy
    }
}

/// What became of a move of an alias.
package enum AliasOutcome: String, Sendable {
    /// Its version answered.
    case served
    /// Its version is not ready yet.
    case pending
    /// A later move was accepted before its version was ready.
    case superseded
    /// Its version did not load, warm up or pass its golden requests.
    case rejected
}

/// One accepted move of an alias, as its history shows it.
package struct AliasMoveInfo: Sendable, Equatable {
    /// The move's generation.
    package let generation: UInt64
    /// What answered when it was asked for; 0: none.
    package let fromVersion: UInt64
    /// What was asked for.
    package let toVersion: UInt64
    /// Who asked.
    package let principal: String
    /// Why, in the asker's words.
    package let reason: String
    /// When it was asked for, in milliseconds since 1970.
    package let askedUnixMs: Int64
    /// When its version began to answer; 0: never did.
    package let servedUnixMs: Int64
    /// What became of it.
    package let outcome: AliasOutcome
}

/// The answer to an accepted move.
package struct AliasChange: Sendable, Equatable {
    /// The alias as the move left it.
    package let alias: AliasInfo
    /// What answered when the move was accepted; 0: none.
    package let previousVersion: UInt64
}

/// What became of a pending move, as whoever loads versions reports it.
package enum AliasSettlement: Sendable, Equatable {
    /// The target answers from now on.
    case served
    /// The target cannot serve, and why.
    case rejected(reason: String)
}
