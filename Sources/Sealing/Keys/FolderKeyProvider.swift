/// Key-encryption keys in a folder: `kek-<id>.key`, 32 raw bytes of mode 0400, one file a key,
/// and `kek-current`, which names the one for new wraps.
///
/// All keys are read when the folder is opened, so that a key that cannot be used shows at start
/// and not when the version that needs it loads. Keep the folder on another volume than the
/// store: who has both has the plaintext.
package struct FolderKeyProvider: RingKeyProvider {
    let ring: KeyRing
    let place = "the key folder"
    private let folder: KeyFolder

    package var kind: String { "folder" }

    /// Opens a folder.
    ///
    /// - Parameter calls: The system's calls, but for tests of what happens when they fail.
    /// - Throws: `keyMissing` without folder, current name or the key it names; `keyAccess` for
    ///   a file open to group or others; `format` for a file that does not hold the key that its
    ///   name states.
    package init(
        folder path: String,
        calls: any FileCalls = SystemCalls()
    ) throws(SealingError) {
        let folder = KeyFolder(path: path, suffix: ".key", files: KeyFiles(calls))
        ring = try folder.ring { id throws(SealingError) in
            KeyEncryptionKey(try folder.files.readKey(folder.path(of: id)))
        }
        self.folder = folder
    }

    /// Makes a new key in a folder, which is made too if need be, and opens it.
    ///
    /// - Throws: `keyAccess` if the folder names a current key already, or cannot be written.
    package static func create(
        in path: String,
        calls: any FileCalls = SystemCalls()
    ) throws(SealingError) -> FolderKeyProvider {
        let folder = KeyFolder(path: path, suffix: ".key", files: KeyFiles(calls))
        try folder.checkUnused()
        try newKey(in: folder)
        return try FolderKeyProvider(folder: path, calls: calls)
    }

    package func addKey() throws(SealingError) -> Bool {
        try Self.newKey(in: folder, ring)
        return true
    }

    package func retireKey(_ id: String) throws(SealingError) {
        try folder.retire(id)
        ring.forget(id)
    }

    package func retiredKeyIDs() throws(SealingError) -> [String] { try folder.retiredIDs() }

    private static func newKey(
        in folder: KeyFolder,
        _ ring: KeyRing? = nil
    ) throws(SealingError) {
        let key = KeyEncryptionKey(try SecretKey.random())
        try key.withBytes { (bytes: RawSpan) throws(SealingError) in
            try folder.add(key, content: bytes, to: ring)
        }
    }
}
