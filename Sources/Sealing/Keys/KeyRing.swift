internal import Synchronization

/// The key-encryption keys that a source gave, by id, and the one for new wraps. A rotation in
/// the running server changes which that is, so all of it is behind a lock.
final class KeyRing: Sendable {
    private struct State {
        var keys: [String: KeyEncryptionKey]
        var current: KeyEncryptionKey
    }

    private let state: Mutex<State>

    /// - Parameter others: Keys that open what they wrapped before.
    init(current: KeyEncryptionKey, others: [KeyEncryptionKey] = []) {
        var keys = [current.id: current]
        for key in others { keys[key.id] = key }
        state = Mutex(State(keys: keys, current: current))
    }

    var current: KeyEncryptionKey { state.withLock { $0.current } }
    var ids: [String] { state.withLock { $0.keys.keys.sorted() } }

    func key(_ id: String) -> KeyEncryptionKey? { state.withLock { $0.keys[id] } }

    /// Unwraps with one more key.
    func hold(_ key: KeyEncryptionKey) {
        state.withLock { $0.keys[key.id] = key }
    }

    /// Uses a key for new wraps from here on.
    func use(_ key: KeyEncryptionKey) {
        state.withLock { state in
            state.keys[key.id] = key
            state.current = key
        }
    }

    /// Forgets a key that is not the current one.
    func forget(_ id: String) {
        state.withLock { state in
            if state.current.id != id { state.keys[id] = nil }
        }
    }
}

/// A provider whose keys are in this process's memory, wherever they came from.
protocol RingKeyProvider: KeyProvider {
    var ring: KeyRing { get }
    /// Where a key that is not held would have to be, for the message.
    var place: String { get }
}

extension RingKeyProvider {
    package var currentKeyID: String { ring.current.id }

    package var keyIDs: [String] { ring.ids }

    package func wrap(
        _ key: SecretKey,
        context: WrapContext
    ) throws(SealingError) -> WrappedKey {
        try ring.current.wrap(key, context: context)
    }

    package func unwrap(
        _ wrapped: WrappedKey,
        context: WrapContext
    ) throws(SealingError) -> SecretKey {
        guard let key = ring.key(wrapped.kekID) else {
            throw SealingError(.keyMissing, "key \(wrapped.kekID) is not in \(place)")
        }
        return try key.unwrap(wrapped, context: context)
    }
}
