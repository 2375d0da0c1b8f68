internal import Synchronization

/// What the loads of a process found out about the runs of versions.
///
/// A version never changes, and neither does the answer: whoever loads it again need not run it
/// dozens of times to learn whether its rows see each other. Its golden requests are run each time.
final class KnownRuns: Sendable {
    /// What is known of a version.
    struct Runs: Sendable {
        let plan: BatchPlan
        let cost: RunCost
    }

    /// Versions that are remembered; which one is forgotten for another is chance.
    static let maxVersions = 4_096

    private let versions = Mutex<[VersionID: Runs]>([:])

    func runs(of id: VersionID) -> Runs? { versions.withLock { $0[id] } }

    func note(_ runs: Runs, of id: VersionID) {
        versions.withLock { versions in
            if versions[id] == nil, versions.count >= Self.maxVersions {
                _ = versions.popFirst()
            }
            versions[id] = runs
        }
    }
}
