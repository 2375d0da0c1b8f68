internal import Sealing
internal import Synchronization
internal import Text

/// What a server notes of the loads of versions, in files of the store: which versions have passed
/// their first load, and which are being loaded at this moment.
///
/// Nothing of it is in the catalogue, and all of it may be lost: a version is then tried once more.
/// A note names the bundle that it is of; another bundle under the same number has none. Its last
/// word is a code under a key that is derived from the registry's own, so that only a server that
/// holds the keys can write one.
package final class LoadNotes: Sendable {
    private struct Key: Hashable {
        let model: String
        let version: UInt64
    }

    /// A load of this process.
    private struct Load {
        /// Loads that were begun and not ended, before this one.
        let before: Int
        /// The same version may be loaded by two at once.
        var users = 1
    }

    private struct State {
        var loads: [Key: Load] = [:]
        var isFolderThere = false
        var isClosed = false
    }

    private static let maxBytes = 256
    private static let label = "strongroom/load-note/v1"

    private let path: String
    private let folder: StoreFolder
    private let key: MessageKey
    // Held while files are read and written: they are one with it.
    private let state = Mutex(State())

    /// - Parameter registryKey: The registry's own data key.
    init(
        _ layout: RegistryLayout,
        registryKey: SecretKey,
        registryID: [UInt8]
    ) throws(RegistryError) {
        path = layout.loadsPath
        folder = layout.folder
        do {
            key = try MessageKey(from: registryKey, salt: registryID, info: Self.label)
        } catch {
            throw RegistryError.sealing(error, "the key of the notes of loads cannot be derived")
        }
    }

    /// Whether the version has passed its first load.
    package func isChecked(_ version: OpenedVersion) -> Bool {
        state.withLock { _ in note(.checked, of: version) != nil }
    }

    /// Notes, durably, that the version has passed its first load.
    ///
    /// - Throws: The store's error; the version is then tried again.
    package func setChecked(_ version: OpenedVersion) throws {
        try state.withLock { state in
            try makeFolder(&state)
            try write(.checked, Note(of: version))
        }
    }

    /// How often a process has ended while it loaded the version, since a load of it last came to
    /// an end.
    package func crashes(of version: OpenedVersion) -> Int {
        let key = Self.key(version)
        return state.withLock { state in
            state.loads[key]?.before ?? note(.loading, of: version)?.begun ?? 0
        }
    }

    /// Notes, durably, that the version is being loaded. ``end(_:)`` takes it back; the end of the
    /// process in between does not.
    ///
    /// - Throws: The store's error; nothing is noted then.
    package func begin(_ version: OpenedVersion) throws {
        let key = Self.key(version)
        try state.withLock { state in
            guard !state.isClosed else { return }
            if state.loads[key] != nil {
                state.loads[key]?.users += 1
                return
            }
            try makeFolder(&state)
            let before = note(.loading, of: version)?.begun ?? 0
            try write(.loading, Note(of: version, begun: before + 1))
            state.loads[key] = Load(before: before)
        }
    }

    /// The load has come to an end, whatever that is: the process survived it.
    package func end(_ version: OpenedVersion) {
        let key = Self.key(version)
        state.withLock { state in
            guard let load = state.loads[key] else { return }
            state.loads[key]?.users -= 1
            guard load.users <= 1 else { return }
            state.loads[key] = nil
            // One that stays counts once more than it should, until the next load ends.
            try? folder.remove(path(.loading, key))
            // Without this a loss of power may bring a count back that is one short of too many.
            if load.before > 0 { try? folder.sync(path) }
        }
    }

    /// Whether a load of the version in the server went over its limits of time or memory.
    package func hasOverrun(_ version: OpenedVersion) -> Bool {
        state.withLock { _ in note(.overrun, of: version) != nil }
    }

    /// Notes, durably, that a load of the version in the server went over its limits. The load may
    /// still go on: from now on an end of the process within it is no crash of the version.
    ///
    /// - Throws: The store's error; the next server then loads the version as if nothing was.
    package func setOverrun(_ version: OpenedVersion) throws {
        end(version)
        try state.withLock { state in
            try makeFolder(&state)
            try write(.overrun, Note(of: version))
        }
    }

    /// Whether a load of the version in an engine host crashed the host on synthetic inputs.
    package func hasCrashed(_ version: OpenedVersion) -> Bool {
        state.withLock { _ in note(.crashed, of: version) != nil }
    }

    /// Notes, durably, that a load of the version crashed an engine host on synthetic inputs.
    ///
    /// - Throws: The store's error; nothing is noted then.
    package func setCrashed(_ version: OpenedVersion) throws {
        try state.withLock { state in
            try makeFolder(&state)
            try write(.crashed, Note(of: version))
        }
    }

    /// Counts no crash of a version any more: somebody asked for it again.
    package func forgetCrashes(model: String, version: UInt64) {
        let key = Key(model: model, version: version)
        state.withLock { _ in try? folder.remove(path(.loading, key)) }
    }

    /// Forgets a version that was deleted.
    package func forget(model: String, version: UInt64) {
        let key = Key(model: model, version: version)
        state.withLock { _ in
            try? folder.remove(path(.loading, key))
            try? folder.remove(path(.checked, key))
            try? folder.remove(path(.overrun, key))
            try? folder.remove(path(.crashed, key))
        }
    }

    /// From now on the end of the process is not the doing of the loads that are under way: they
    /// and later ones leave no note.
    package func close() {
        state.withLock { state in
            state.isClosed = true
            for (key, load) in state.loads {
                if load.before > 0, var note = read(.loading, key) {
                    note.begun = load.before
                    try? write(.loading, note)
                } else {
                    try? folder.remove(path(.loading, key))
                }
            }
            state.loads = [:]
        }
    }

    // MARK: - Files

    /// The kinds of notes: the ends of their files' names.
    private enum Kind: String {
        case checked
        case overrun
        case crashed
        case loading
    }

    private struct Note {
        let key: Key
        let bundle: String
        /// Of a load that is under way: how many were begun; 0 for another kind.
        var begun: Int

        init(_ key: Key, bundle: String, begun: Int) {
            self.key = key
            self.bundle = bundle
            self.begun = begun
        }

        init(of version: OpenedVersion, begun: Int = 0) {
            self.init(
                LoadNotes.key(version),
                bundle: Hex.encode(version.record.bundleID),
                begun: begun
            )
        }

        /// As the file has it, without its code.
        var text: String { begun > 0 ? "\(bundle) \(begun)" : bundle }
    }

    private static func key(_ version: OpenedVersion) -> Key {
        Key(model: version.info.model, version: version.info.version)
    }

    // A model's name has no @, and is no . or ..
    private func path(_ kind: Kind, _ key: Key) -> String {
        "\(path)/\(Self.name(kind, key))"
    }

    private static func name(_ kind: Kind, _ key: Key) -> String {
        "\(key.model)@\(key.version).\(kind.rawValue)"
    }

    private func makeFolder(_ state: inout State) throws {
        guard !state.isFolderThere else { return }
        try folder.makeDurable(path)
        state.isFolderThere = true
    }

    private func write(_ kind: Kind, _ note: Note) throws {
        let code = try key.code(of: Self.message(kind, note))
        try folder.replaceFile(
            path(kind, note.key),
            with: "\(note.text) \(Hex.encode(code))\n"
        )
    }

    /// The message of a note's code: its file's name and its text.
    private static func message(_ kind: Kind, _ note: Note) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.appendField(Array(name(kind, note.key).utf8))
        bytes.appendField(Array(note.text.utf8))
        return bytes
    }

    private func note(_ kind: Kind, of version: OpenedVersion) -> Note? {
        guard let note = read(kind, Self.key(version)),
            ExactString(note.bundle) == ExactString(Hex.encode(version.record.bundleID))
        else { return nil }
        return note
    }

    /// The note in a file; nil for one that cannot be read or whose code does not hold.
    private func read(_ kind: Kind, _ key: Key) -> Note? {
        guard let text = try? folder.readText(path(kind, key), maxBytes: Self.maxBytes),
            text.utf8.last == UInt8(ascii: "\n")
        else { return nil }
        let parts = text.dropLast().split(separator: " ", omittingEmptySubsequences: false)
        guard parts.count == (kind == .loading ? 3 : 2),
            let code = parts.last.flatMap({ Hex.decode(String($0)) })
        else { return nil }
        let begun = kind == .loading ? Int(parts[1]) ?? 0 : 0
        let note = Note(key, bundle: String(parts[0]), begun: begun)
        guard (try? self.key.verifies(code, of: Self.message(kind, note))) == true else {
            return nil
        }
        return note
    }
}
