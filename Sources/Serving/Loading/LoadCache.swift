internal import Synchronization

/// Findings of earlier loads of versions, those of a first load in another process included.
///
/// A version never changes, and neither do these: a later load of it runs its golden requests, and
/// repeats no comparison.
final class LoadCache: Sendable {
    private struct Entry {
        let findings: VersionFindings
        var cost: RunCost?
    }

    /// The most versions that are kept. Beyond that an arbitrary one is evicted.
    static let maxVersions = 4_096

    private let versions = Mutex<[VersionID: Entry]>([:])

    func findings(of id: VersionID) -> VersionFindings? {
        versions.withLock { $0[id]?.findings }
    }

    func cost(of id: VersionID) -> RunCost? { versions.withLock { $0[id]?.cost } }

    /// Keeps findings, in place of earlier ones and the cost that was measured with them.
    func note(_ findings: VersionFindings, cost: RunCost? = nil, of id: VersionID) {
        versions.withLock { versions in
            if versions[id] == nil, versions.count >= Self.maxVersions {
                _ = versions.popFirst()
            }
            versions[id] = Entry(findings: findings, cost: cost)
        }
    }
}
