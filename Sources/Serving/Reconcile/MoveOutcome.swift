/// How an alias's move ended.
package enum MoveOutcome: Sendable, Equatable {
    /// The target answers, or answered until a later move.
    case served
    /// The target did not become ready; what answered before still does.
    case rejected(reason: String)
    /// A later move took its place.
    case superseded
}

/// The end of a move, with what it means for callers of the version that answered before.
package struct MoveEnd: Sendable, Equatable {
    /// How it ended.
    package let outcome: MoveOutcome
    /// The differences of the signatures that break those callers. Empty, too, for a move that
    /// another process settled, or that a later one followed.
    package let signatureChanges: [String]
}

/// The verdict of a validation.
package enum Validation: Sendable, Equatable {
    /// The version may serve.
    case passed
    /// The version may not serve, and why; the registry has it so.
    case rejected(reason: String)
    /// The version failed and was left as it was, since these aliases point to it.
    case kept(reason: String, aliases: [String])
}

/// This server's view of one version.
package struct ReplicaStatus: Sendable, Equatable {
    /// How far a version is.
    package enum Load: Sendable, Equatable {
        /// It is read, loaded and tried.
        case loading
        /// It answers, or can at once.
        case ready
        /// Replaced; finishing what it had begun.
        case draining
        /// It did not become ready.
        case failed
    }

    /// How far it is.
    package let load: Load
    /// Why it failed.
    package let reason: String
    /// Since when, in milliseconds of the Unix epoch.
    package let sinceUnixMs: Int64

    /// Describes a view.
    package init(load: Load, reason: String, sinceUnixMs: Int64) {
        self.load = load
        self.reason = reason
        self.sinceUnixMs = sinceUnixMs
    }
}
