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
    case passed
    case rejected(reason: String)
}

/// This server's view of one version.
package struct ReplicaStatus: Sendable, Equatable {
    package enum Load: Sendable, Equatable {
        case loading
        case ready
        /// Replaced; finishing what it had begun.
        case draining
        case failed
    }

    package let load: Load
    /// Why it failed.
    package let reason: String
    package let sinceUnixMs: Int64
}
