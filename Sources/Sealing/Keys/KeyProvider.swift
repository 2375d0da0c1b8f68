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

    /// What kind of source the keys come from, for people: `folder`, `environment`, `passphrase`
    /// or `command`.
    var kind: String { get }

    /// Makes a new key, durably, which new wraps use from then on.
    ///
    /// - Returns: False if the source is not this process's to add to: nothing was done.
    /// - Throws: `keyAccess`, `randomness` and what the source adds.
    func addKey() throws(SealingError) -> Bool

    /// Puts a key aside that nothing counts on any more. It is not destroyed: a backup may.
    ///
    /// - Throws: `keyAccess`.
    func retireKey(_ id: String) throws(SealingError)

    /// The ids of keys that were put aside, sorted.
    ///
    /// - Throws: `keyAccess`.
    func retiredKeyIDs() throws(SealingError) -> [String]

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

extension KeyProvider {
    package func retiredKeyIDs() throws(SealingError) -> [String] { [] }
}
