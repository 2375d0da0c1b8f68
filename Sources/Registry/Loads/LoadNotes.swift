internal import Sealing
internal import Synchronization

/// What a server notes of the loads of versions, in files of the store: which versions have passed
/// their first load, and which are being loaded at this moment.
///
/// Nothing of it is in the catalogue, nothing is signed, and all of it may be lost: a version is
/// then tried once more. A note names the bundle that it is of; another bundle under the same
/// number has none.
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

    private static let maxBytes = 128

    private let path: String
    private let folder: StoreFolder
    // Held while files are read and written: they are one with it.
    private let state = Mutex(State())

    init(_ layout: RegistryLayout) {
        path = layout.loadsPath
        folder = layout.folder
    }

    /// Whether the version has passed its first load.
    package func isChecked(_ version: OpenedVersion) -> Bool {
        state.withLock { _ in note(checkedPath(Self.key(version)), of: version) != nil }
    }

    /// Notes, durably, that the version has passed its first load.
    ///
    /// - Throws: The store's error; the version is then tried again.
    package func setChecked(_ version: OpenedVersion) throws {
        try state.withLock { state in
            try makeFolder(&state)
            let bundle = Hex.encode(version.record.bundleID)
            try folder.replaceFile(checkedPath(Self.key(version)), with: "\(bundle)\n")
        }
    }

    /// How often a process has ended while it loaded the version, since a load of it last came to
    /// an end.
    package func crashes(of version: OpenedVersion) -> Int {
        let key = Self.key(version)
        return state.withLock { state in
            state.loads[key]?.before ?? note(loadingPath(key), of: version)?.begun ?? 0
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
            let before = note(loadingPath(key), of: version)?.begun ?? 0
            try write(begun: before + 1, of: version, key)
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
            try? folder.remove(loadingPath(key))
            // Without this a loss of power may bring a count back that is one short of too many.
            if load.before > 0 { try? folder.sync(path) }
        }
    }

    /// Whether a load of the version in the server went over its limits of time or memory.
    package func hasOverrun(_ version: OpenedVersion) -> Bool {
        state.withLock { _ in note(overrunPath(Self.key(version)), of: version) != nil }
    }

    /// Notes, durably, that a load of the version in the server went over its limits. The load may
    /// still go on: from now on an end of the process within it is no crash of the version.
    ///
    /// - Throws: The store's error; the next server then loads the version as if nothing was.
    package func setOverrun(_ version: OpenedVersion) throws {
        end(version)
        try state.withLock { state in
            try makeFolder(&state)
            let bundle = Hex.encode(version.record.bundleID)
            try folder.replaceFile(overrunPath(Self.key(version)), with: "\(bundle)\n")
        }
    }

    /// Whether a load of the version in an engine host crashed the host on synthetic inputs.
    package func hasCrashed(_ version: OpenedVersion) -> Bool {
        state.withLock { _ in note(crashedPath(Self.key(version)), of: version) != nil }
    }

    /// Notes, durably, that a load of the version crashed an engine host on synthetic inputs.
    ///
    /// - Throws: The store's error; nothing is noted then.
    package func setCrashed(_ version: OpenedVersion) throws {
        try state.withLock { state in
            try makeFolder(&state)
            let bundle = Hex.encode(version.record.bundleID)
            try folder.replaceFile(crashedPath(Self.key(version)), with: "\(bundle)\n")
        }
    }

    /// Counts no crash of a version any more: somebody asked for it again.
    package func forgetCrashes(model: String, version: UInt64) {
        let key = Key(model: model, version: version)
        state.withLock { _ in try? folder.remove(loadingPath(key)) }
    }

    /// Forgets a version that was deleted.
    package func forget(model: String, version: UInt64) {
        let key = Key(model: model, version: version)
        state.withLock { _ in
            try? folder.remove(loadingPath(key))
            try? folder.remove(checkedPath(key))
            try? folder.remove(overrunPath(key))
            try? folder.remove(crashedPath(key))
        }
    }

    /// From now on the end of the process is not the doing of the loads that are under way: they
    /// and later ones leave no note.
    package func close() {
        state.withLock { state in
            state.isClosed = true
            for (key, load) in state.loads {
                if load.before > 0, let note = read(loadingPath(key)) {
                    try? folder.replaceFile(
                        loadingPath(key),
                        with: Self.text(bundle: note.bundle, begun: load.before)
                    )
                } else {
                    try? folder.remove(loadingPath(key))
                }
            }
            state.loads = [:]
        }
    }

    // MARK: - Files

    private struct Note {
        let bundle: String
        let begun: Int
    }

    private static func key(_ version: OpenedVersion) -> Key {
        Key(model: version.info.model, version: version.info.version)
    }

    // A model's name has no @, and is no . or ..
    private func checkedPath(_ key: Key) -> String { "\(path)/\(key.model)@\(key.version).checked" }
    private func overrunPath(_ key: Key) -> String { "\(path)/\(key.model)@\(key.version).overrun" }
    private func crashedPath(_ key: Key) -> String { "\(path)/\(key.model)@\(key.version).crashed" }
    private func loadingPath(_ key: Key) -> String { "\(path)/\(key.model)@\(key.version).loading" }

    private func makeFolder(_ state: inout State) throws {
        guard !state.isFolderThere else { return }
        try folder.makeDurable(path)
        state.isFolderThere = true
    }

    private func write(begun: Int, of version: OpenedVersion, _ key: Key) throws {
        let bundle = Hex.encode(version.record.bundleID)
        try folder.replaceFile(loadingPath(key), with: Self.text(bundle: bundle, begun: begun))
    }

    private static func text(bundle: String, begun: Int) -> String { "\(bundle) \(begun)\n" }

    private func note(_ path: String, of version: OpenedVersion) -> Note? {
        guard let note = read(path), note.bundle == Hex.encode(version.record.bundleID) else {
            return nil
        }
        return note
    }

    /// What cannot be read says nothing.
    private func read(_ path: String) -> Note? {
        guard let text = try? folder.readText(path, maxBytes: Self.maxBytes),
            text.hasSuffix("\n")
        else { return nil }
        let parts = text.dropLast().split(separator: " ")
        guard let bundle = parts.first else { return nil }
        guard parts.count > 1 else { return Note(bundle: String(bundle), begun: 0) }
        guard let begun = Int(parts[1]), begun > 0 else { return nil }
        return Note(bundle: String(bundle), begun: begun)
    }
}
