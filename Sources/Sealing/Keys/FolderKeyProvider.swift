/// Key-encryption keys in a folder: `kek-<id>.key`, 32 raw bytes of mode 0400, one file a key,
/// and `kek-current`, which names the one for new wraps.
///
/// All keys are read when the folder is opened, so that a key that cannot be used shows at start
/// and not when the version that needs it loads. Keep the folder on another volume than the
/// store: who has both has the plaintext.
package struct FolderKeyProvider: KeyProvider {
    private static let prefix = "kek-"
    private static let suffix = ".key"
    private static let currentName = "kek-current"

    private let keys: [String: KeyEncryptionKey]
    private let current: KeyEncryptionKey

    /// Opens a folder.
    ///
    /// - Throws: `keyMissing` without folder, current name or the key it names; `keyAccess` for
    ///   a file open to group or others; `format` for a file that does not hold the key that its
    ///   name states.
    package init(folder: String) throws(SealingError) {
        var keys: [String: KeyEncryptionKey] = [:]
        for name in try KeyFiles.names(in: folder) {
            guard let id = Self.id(ofFile: name) else { continue }
            guard keys.count < SealingLimits.maxFolderKeys else {
                throw SealingError(
                    .limit,
                    "\(folder) holds more than \(SealingLimits.maxFolderKeys) keys"
                )
            }
            let key = KeyEncryptionKey(try KeyFiles.readKey("\(folder)/\(name)"))
            guard key.id == id else {
                throw SealingError(
                    .format,
                    "\(folder)/\(name) does not hold key \(id), but key \(key.id)"
                )
            }
            keys[id] = key
        }
        let currentPath = "\(folder)/\(Self.currentName)"
        let text = String(decoding: try KeyFiles.readSmall(currentPath), as: UTF8.self)
        let id = text.hasSuffix("\n") ? String(text.dropLast()) : text
        guard KeyEncryptionKey.isID(id) else {
            throw SealingError(
                .format,
                "\(currentPath) does not hold a key id, 16 lower-case hex digits"
            )
        }
        guard let current = keys[id] else {
            throw SealingError(.keyMissing, "\(currentPath) names key \(id), which is not there")
        }
        self.keys = keys
        self.current = current
    }

    /// Makes a new key in a folder, which is made too if need be, and opens it.
    ///
    /// - Throws: `keyAccess` if the folder names a current key already, or cannot be written.
    package static func create(in folder: String) throws(SealingError) -> FolderKeyProvider {
        try KeyFiles.makeFolder(folder)
        let currentPath = "\(folder)/\(currentName)"
        guard !KeyFiles.exists(currentPath) else {
            throw SealingError(.keyAccess, "\(folder) holds keys already: \(currentName) exists")
        }
        let key = KeyEncryptionKey(try SecretKey.random())
        try key.withBytes { (bytes: RawSpan) throws(SealingError) in
            try KeyFiles.writeNew(
                bytes,
                to: "\(folder)/\(prefix)\(key.id)\(suffix)",
                mode: KeyFiles.secretMode
            )
        }
        // The key is durable before anything names it.
        try Array("\(key.id)\n".utf8).withRawSpan { (text: RawSpan) throws(SealingError) in
            try KeyFiles.writeNew(text, to: currentPath, mode: KeyFiles.publicMode)
        }
        return try FolderKeyProvider(folder: folder)
    }

    /// The id of the key that new wraps use.
    package var currentKeyID: String { current.id }

    /// The ids of all keys in the folder, sorted.
    package var keyIDs: [String] { keys.keys.sorted() }

    /// Wraps under the current key, as ``KeyProvider/wrap(_:context:)`` says.
    package func wrap(
        _ key: SecretKey,
        context: WrapContext
    ) throws(SealingError) -> WrappedKey {
        try current.wrap(key, context: context)
    }

    /// Unwraps with whichever key of the folder was used, as ``KeyProvider/unwrap(_:context:)``
    /// says.
    package func unwrap(
        _ wrapped: WrappedKey,
        context: WrapContext
    ) throws(SealingError) -> SecretKey {
        guard let key = keys[wrapped.kekID] else {
            throw SealingError(.keyMissing, "key \(wrapped.kekID) is not in the key folder")
        }
        return try key.unwrap(wrapped, context: context)
    }

    private static func id(ofFile name: String) -> String? {
        guard name.hasPrefix(prefix), name.hasSuffix(suffix),
            name.utf8.count == prefix.utf8.count + KeyEncryptionKey.idDigits + suffix.utf8.count
        else { return nil }
        let id = String(name.dropFirst(prefix.count).dropLast(suffix.count))
        return KeyEncryptionKey.isID(id) ? id : nil
    }
}
