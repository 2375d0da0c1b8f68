internal import Synchronization

/// The blobs whose plaintext this process has hashed and found to be what was signed.
///
/// Hashing costs more than all the rest of opening a file. The tags of its chunks already show
/// every change of a stored byte to whoever does not have its key; the signed digest shows that
/// it was sealed from the right bytes, and once that is known of a blob, which is named by the
/// SHA-256 of all its bytes, it need not be shown again.
final class HashedBlobs: Sendable {
    private let digests = Mutex<Set<[UInt8]>>([])
    private let limit: Int

    /// - Parameter limit: Blobs that are remembered; past it any other is forgotten, and hashed
    ///   again when it is next read.
    init(limit: Int = Limits.hashedBlobs) {
        self.limit = limit
    }

    /// Whether the blob of this name was hashed.
    func contains(_ digest: [UInt8]) -> Bool { digests.withLock { $0.contains(digest) } }

    /// Remembers the blob of this name.
    func insert(_ digest: [UInt8]) {
        digests.withLock { digests in
            if digests.count >= limit, !digests.contains(digest) { _ = digests.popFirst() }
            digests.insert(digest)
        }
    }
}
