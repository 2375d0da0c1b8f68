internal import Synchronization

/// The versions that were read from last, so that reading a file piece by piece does not verify
/// its whole record for each piece.
final class OpenedVersionCache: Sendable {
    private let limit: Int
    /// The one used last at the end.
    private let versions = Mutex<[OpenedVersion]>([])

    init(limit: Int) {
        self.limit = limit
    }

    /// A version that was opened before.
    func find(model: String, version: UInt64) -> OpenedVersion? {
        versions.withLock { versions in
            guard
                let index = versions.firstIndex(where: {
                    $0.info.model == model && $0.info.version == version
                })
            else { return nil }
            let found = versions.remove(at: index)
            versions.append(found)
            return found
        }
    }

    /// Keeps a version, in place of the one that was not used for longest.
    func keep(_ version: OpenedVersion) {
        versions.withLock { versions in
            if versions.count >= limit { versions.removeFirst() }
            versions.append(version)
        }
    }

    /// Forgets a version, and its key with it.
    func forget(model: String, version: UInt64) {
        versions.withLock { versions in
            versions.removeAll { $0.info.model == model && $0.info.version == version }
        }
    }
}
