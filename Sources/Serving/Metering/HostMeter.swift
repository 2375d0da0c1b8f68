package import Metrics
internal import Synchronization

/// Counts the engine hosts of versions: how many live, how they end, and how long they take to
/// start.
package final class HostMeter: Sendable {
    /// The counts of one version.
    package struct Version: Sendable, Equatable {
        package let id: VersionID
        /// Hosts that live.
        package let hosts: UInt64
        /// Hosts that ended, by reason, none of them 0.
        package let ends: [String: UInt64]
    }

    /// All counts at one instant.
    package struct Snapshot: Sendable, Equatable {
        /// By model and version.
        package var versions: [Version] = []
        /// From the order to a host to the moment at which it served, or had ended its trial.
        package var starts = Histogram(.duration).snapshot

        package init() {}
    }

    private struct Counts {
        var hosts: UInt64 = 0
        var ends: [String: UInt64] = [:]
        /// Counts up: the order of the last changes.
        var lastChange: UInt64 = 0
    }

    private struct State {
        var models: [String: [UInt64: Counts]] = [:]
        var changes: UInt64 = 0
    }

    /// Reasons of one version that are counted by themselves. There are fewer: signals are the only
    /// ones that are not named in the source.
    static let maxReasons = 80
    /// The reason that counts further ones.
    static let otherReason = "other"

    private let state = Mutex(State())
    private let starts = Histogram(.duration)

    package init() {}

    /// A host of a version serves, or has ended its trial.
    ///
    /// - Parameter ns: The duration of its start, in nanoseconds.
    package func started(_ id: VersionID, ns: UInt64) {
        starts.observe(ns)
        change(id) { $0.hosts += 1 }
    }

    /// A host of a version has ended.
    ///
    /// - Parameters:
    ///   - reason: One of a bounded set: the label of the metric.
    ///   - wasStarted: Whether ``started(_:ns:)`` has counted it.
    package func ended(_ id: VersionID, reason: String, wasStarted: Bool = true) {
        change(id) { counts in
            if wasStarted, counts.hosts > 0 { counts.hosts -= 1 }
            let isKnown = counts.ends[reason] != nil || counts.ends.count < Self.maxReasons
            counts.ends[isKnown ? reason : Self.otherReason, default: 0] += 1
        }
    }

    private func change(_ id: VersionID, _ body: (inout Counts) -> Void) {
        state.withLock { state in
            state.changes += 1
            var versions = state.models[id.model] ?? [:]
            defer { state.models[id.model] = versions }
            body(&versions[id.version, default: Counts()])
            versions[id.version]?.lastChange = state.changes
            // As the counts of requests: of versions without a host the last few are kept.
            let idle = versions.filter { $0.key != id.version && $0.value.hosts == 0 }
            let surplus = idle.count - ServingMeters.maxUnloaded
            guard surplus > 0 else { return }
            let oldest = idle.sorted { $0.value.lastChange < $1.value.lastChange }
            for (version, _) in oldest.prefix(surplus) { versions[version] = nil }
        }
    }

    /// The present counts.
    package var snapshot: Snapshot {
        let models = state.withLock { $0.models }
        var snapshot = Snapshot()
        snapshot.starts = starts.snapshot
        snapshot.versions = models.flatMap { model, versions in
            versions.map { version, counts in
                Version(
                    id: VersionID(model: model, version: version),
                    hosts: counts.hosts,
                    ends: counts.ends
                )
            }
        }
        snapshot.versions.sort { ($0.id.model, $0.id.version) < ($1.id.model, $1.id.version) }
        return snapshot
    }
}
