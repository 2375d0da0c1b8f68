internal import Sealing
internal import Synchronization

/// The keys of a verification, which may have to do without them.
///
/// A rotation may add a key while a verification runs: a key that is missing is looked for once
/// more before that is a fault.
final class KeyRing: Sendable {
    let reopen: @Sendable () throws -> any KeyProvider
    private let provider: Mutex<(any KeyProvider)?>

    /// Whether there are keys.
    let isOpen: Bool

    init(
        _ provider: (any KeyProvider)?,
        reopen: @escaping @Sendable () throws -> any KeyProvider
    ) {
        self.provider = Mutex(provider)
        self.reopen = reopen
        isOpen = provider != nil
    }

    /// Unwraps a row of `wrapped_keys`, `nil` without keys.
    func unwrap(_ key: WrappedKey, context: WrapContext) throws(SealingError) -> SecretKey? {
        guard let held = provider.withLock({ $0 }) else { return nil }
        do {
            return try held.unwrap(key, context: context)
        } catch {
            guard error.code == .keyMissing, let fresh = try? reopen() else { throw error }
            provider.withLock { $0 = fresh }
            return try fresh.unwrap(key, context: context)
        }
    }

    /// The provider as it is now.
    var current: (any KeyProvider)? { provider.withLock { $0 } }
}
