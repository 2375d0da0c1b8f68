internal import Glibc
internal import Platform

/// The files of a source's keys in a folder: one file a key, named `kek-<id><suffix>`, and
/// `kek-current`, which names the one for new wraps. Retired ones lie in `retired/`.
struct KeyFolder: Sendable {
    static let prefix = "kek-"
    static let currentName = "kek-current"
    static let retiredName = "retired"

    let path: String
    /// What the names of this source's files end with.
    let suffix: String
    let files: KeyFiles

    private var currentPath: String { "\(path)/\(Self.currentName)" }

    func path(of id: String) -> String { "\(path)/\(Self.prefix)\(id)\(suffix)" }

    /// The ids of all keys that have a file here, sorted.
    ///
    /// - Throws: `keyMissing` without folder, `limit` above ``SealingLimits/maxFolderKeys``.
    func ids() throws(SealingError) -> [String] {
        let ids = try files.names(in: path).compactMap(id)
        guard ids.count <= SealingLimits.maxFolderKeys else {
            throw SealingError(
                .limit,
                "\(path) holds more than \(SealingLimits.maxFolderKeys) keys"
            )
        }
        return ids.sorted()
    }

    /// The id of the key for new wraps.
    func currentID() throws(SealingError) -> String {
        let text = String(decoding: try files.readSmall(currentPath, as: .trusted), as: UTF8.self)
        let id = text.hasSuffix("\n") ? String(text.dropLast()) : text
        guard KeyEncryptionKey.isID(id) else {
            throw SealingError(
                .format,
                "\(currentPath) does not hold a key id, 16 lower-case hex digits"
            )
        }
        return id
    }

    /// The keys of the folder as a ring.
    ///
    /// - Parameter load: Reads one key.
    /// - Throws: `format` for a file that does not hold the key that its name states,
    ///   `keyMissing` if the current one is not there.
    func ring(
        _ load: (_ id: String) throws(SealingError) -> KeyEncryptionKey
    ) throws(SealingError) -> KeyRing {
        var keys: [KeyEncryptionKey] = []
        for id in try ids() {
            let key = try load(id)
            guard key.id == id else {
                throw SealingError(
                    .format,
                    "\(path(of: id)) does not hold key \(id), but key \(key.id)"
                )
            }
            keys.append(key)
        }
        let current = try currentID()
        guard let key = keys.first(where: { $0.id == current }) else {
            throw SealingError(
                .keyMissing,
                "\(currentPath) names key \(current), which is not there"
            )
        }
        return KeyRing(current: key, others: keys)
    }

    /// Refuses to make a first key where there is one.
    func checkUnused() throws(SealingError) {
        try files.makeFolder(path)
        guard try !files.exists(currentPath) else {
            throw SealingError(
                .keyAccess,
                "\(path) holds keys already: \(Self.currentName) exists"
            )
        }
    }

    /// Writes a new key's file and then names it the current one: the key is durable before
    /// anything names it, and a crash in between leaves a key that nothing uses.
    ///
    /// - Parameter ring: Holds the key from the start and uses it at the end: whatever of it is
    ///   in the folder when this fails is then retired by the next rotation.
    func add(
        _ key: KeyEncryptionKey,
        content: RawSpan,
        to ring: KeyRing? = nil
    ) throws(SealingError) {
        ring?.hold(key)
        try files.writeNew(content, to: path(of: key.id), mode: KeyFiles.secretMode)
        try files.replace(
            currentPath,
            with: Array("\(key.id)\n".utf8),
            mode: KeyFiles.publicMode
        )
        ring?.use(key)
    }

    /// Moves a key's file aside, if it is still there. It is not destroyed: a backup may count
    /// on it.
    func retire(_ id: String) throws(SealingError) {
        let retired = "\(path)/\(Self.retiredName)"
        try files.makeFolder(retired)
        try files.move(path(of: id), to: "\(retired)/\(Self.prefix)\(id)\(suffix)")
    }

    /// The ids of the retired keys, sorted.
    func retiredIDs() throws(SealingError) -> [String] {
        let folder = "\(path)/\(Self.retiredName)"
        guard try files.exists(folder) else { return [] }
        return try files.names(in: folder).compactMap(id).sorted()
    }

    private func id(ofFile name: String) -> String? {
        guard name.hasPrefix(Self.prefix), name.hasSuffix(suffix),
            name.utf8.count
                == Self.prefix.utf8.count + KeyEncryptionKey.idDigits + suffix.utf8.count
        else { return nil }
        let id = String(name.dropFirst(Self.prefix.count).dropLast(suffix.count))
        return KeyEncryptionKey.isID(id) ? id : nil
    }
}
