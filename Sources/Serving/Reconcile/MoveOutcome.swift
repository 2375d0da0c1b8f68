/// How an alias's move ended.
package enum MoveOutcome: Sendable, Equatable {
    /// The target answers, or answered until a later move.
    case served
    /// The target did not become ready; what answered before still does.
    case rejected(reason: String)
    /// A later move took its place.
    case superseded
}

/// How the loading of a version that no alias asked for ended.
package enum Validation: Sendable, Equatable {
    /// It may serve.
    case passed
    /// It may not, and why; the registry has it so.
    case rejected(reason: String)
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
}
