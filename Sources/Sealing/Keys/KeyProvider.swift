/// Who holds the key-encryption keys, and wraps and unwraps with them.
///
/// The protocol asks for no key bytes, so that a provider may hand the work to a command, a
/// vault or a hardware module. Calls may block (a command has seconds to answer) and come from
/// any thread: call them where blocking is allowed.
package protocol KeyProvider: Sendable {
    /// The id of the key that new wraps use.
    var currentKeyID: String { get }

    /// The ids of all keys that are held here, sorted.
    var keyIDs: [String] { get }

    /// Wraps under the current key.
    ///
    /// - Throws: `randomness`, `keyAccess` or `internalFailure`.
    func wrap(
        _ key: SecretKey,
        context: WrapContext
    ) throws(SealingError) -> WrappedKey

    /// Unwraps with the key that the wrapped key names, current or not.
    ///
    /// - Throws: `keyMissing` if that key is not held here, `format` for an unknown algorithm or
    ///   wrong sizes, `authentication` for another context or altered bytes.
    func unwrap(
        _ wrapped: WrappedKey,
        context: WrapContext
    ) throws(SealingError) -> SecretKey
}
