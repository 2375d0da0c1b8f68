internal import Synchronization

/// What this process uses of the store without a row that says so: the collection leaves it.
///
/// Two things need it: a blob between its name and its row, and the blobs of a version that was
/// opened and is deleted meanwhile.
final class BlobLeases: Sendable {
    private struct State {
        var pending: Set<[UInt8]> = []
        var bundles: [[UInt8]: Int] = [:]
    }

    private let state = Mutex(State())

    /// Runs `body`, which names the blob of this digest and commits the row that refers to it.
    func holding<R>(_ digest: [UInt8], _ body: () throws -> R) rethrows -> R {
        state.withLock { _ = $0.pending.insert(digest) }
        defer { state.withLock { _ = $0.pending.remove(digest) } }
        return try body()
    }

    /// The blobs that have no row yet.
    var pending: Set<[UInt8]> { state.withLock { $0.pending } }

    /// Counts one more user of a bundle's blobs.
    func take(bundle: [UInt8]) {
        state.withLock { $0.bundles[bundle, default: 0] += 1 }
    }

    /// Counts one user less.
    func giveBack(bundle: [UInt8]) {
        state.withLock { state in
            let left = state.bundles[bundle, default: 0] - 1
            state.bundles[bundle] = left > 0 ? left : nil
        }
    }

    /// The bundles in use.
    var bundles: [[UInt8]] { state.withLock { Array($0.bundles.keys) } }
}
