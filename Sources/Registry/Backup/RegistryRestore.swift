package import Sealing

/// Puts a backup in the place of a home's store.
///
/// The store is built aside, checked with the home's own keys, every sealed file hashed, and then
/// exchanged with the one that is there: a crash at any instant leaves the one or the other,
/// whole. The old one is kept under another name.
package struct RegistryRestore: Sendable {
    /// What a restore did.
    package struct Report: Sendable, Equatable {
        package let registryID: [UInt8]
        /// The migration of a backup of a former format; `nil` for one of the present format.
        package let migration: Migration?
        /// Of the catalogue's head now.
        package let sequence: UInt64
        /// When the backup was made.
        package let createdUnixMs: Int64
        package let versions: UInt64
        package let blobs: UInt64
        package let bytes: UInt64
        /// What had to be accepted; `nil` if nothing.
        package let accepted: Acceptance.Accepted?
        /// The folder that the old store is kept in; `nil` if there was none.
        package let oldStore: String?
    }

    /// The refusal of a backup of a former format, which was not to be migrated.
    package struct FormerFormat: Error, CustomStringConvertible {
        let format: Int

        package var description: String {
            "the backup is of registry format \(format), and this release writes format "
                + "\(DatabaseFormat.current.number)"
        }
    }

    let folder: BackupFolder
    let layout: RegistryLayout
    /// The store while it is built.
    let draft: RegistryLayout
    let keys: any KeyProvider
    let clock: WallClock
    let steps: Steps

    /// - Parameters:
    ///   - folder: Where the backup is; nothing is written there.
    ///   - layout: Where the registry is to live; the folder of `sequencePath` holds the keys.
    ///   - keys: What its data keys are wrapped with.
    ///   - steps: For tests: called at each step.
    package init(
        from folder: String,
        to layout: RegistryLayout,
        keys: any KeyProvider,
        clock: WallClock = .system,
        steps: Steps = .none
    ) {
        self.folder = BackupFolder(folder)
        self.layout = layout
        draft = RegistryLayout(store: layout.store + ".new", sequencePath: layout.sequencePath)
        self.keys = keys
        self.clock = clock
        self.steps = steps
    }

    /// Restores.
    ///
    /// - Parameters:
    ///   - acceptance: Needed if the backup is not known to be the newest state, and not used
    ///     otherwise.
    ///   - migrates: Whether a backup of a former format is migrated.
    ///   - progress: Called with the bytes that are done, and all bytes.
    ///   - signing: Gives the signing key, whose own seal needs the registry's id.
    /// - Throws: `notFound` without a backup; `unavailable` if a server has the store open, for
    ///   wrong keys and, with `isAcceptable`, for a backup older than what was seen; `dataLoss`
    ///   for a damaged backup; ``FormerFormat``. Nothing was changed then.
    package func run(
        acceptance: Acceptance? = nil,
        migrates: Bool = false,
        progress: (UInt64, UInt64) -> Void = { _, _ in },
        signing: (_ registryID: [UInt8]) throws -> SigningKey
    ) throws -> Report {
        guard let registryID = try folder.registryID() else {
            throw RegistryError(
                .notFound,
                "there is no backup here",
                detail: "\(folder.path) has no registry-id"
            )
        }
        let old = try OldStore(layout)
        try StoreFolder.system.makeDurable(draft.store)
        let lock = try BackupFolder.lock(draft, "another restore of this home runs")
        defer { withExtendedLifetime((old, lock)) {} }
        let emptyDraft = { try StoreFolder.empty(draft.store, keeping: RegistryLayout.lockName) }
        try emptyDraft()
        let build = Build(restore: self, registryID: registryID)
        do {
            let built = try build.run(
                acceptance,
                migrates: migrates,
                progress: progress,
                signing: signing
            )
            let oldStore = try exchange(old, seen: built.seen)
            // A crash before this leaves the second place behind: mended at the next start.
            if let accepted = built.accepted {
                try SequenceFile(layout, steps: steps).write(accepted.sequence)
            }
            try steps.reach(.answer)
            return built.report(oldStore: oldStore)
        } catch {
            if try StoreFolder.system.exists(draft.store) {
                try? emptyDraft()
                try? StoreFolder.system.removeFlat(draft.store)
            }
            throw error
        }
    }

    /// Gives the finished store its name.
    ///
    /// - Returns: The old one's new name.
    private func exchange(_ old: OldStore?, seen: UInt64?) throws -> String? {
        let home = StoreFolder.parent(of: layout.store)
        guard let old else {
            try StoreFolder.system.replace(draft.store, to: layout.store)
            try StoreFolder.system.sync(home)
            return nil
        }
        let kept = try old.freeName(beside: layout.store, seen: seen)
        // The draft takes the name first that the old store is to have. After a crash here the
        // old store is in its place, and what has the other name can be made again.
        try StoreFolder.system.replace(draft.store, to: kept)
        if try !StoreFolder.exchange(layout.store, with: kept) {
            // The file system knows no exchange: for an instant there is no store.
            try StoreFolder.system.replace(kept, to: draft.store)
            try StoreFolder.system.replace(layout.store, to: kept)
            try StoreFolder.system.replace(draft.store, to: layout.store)
        }
        try StoreFolder.system.sync(home)
        return kept
    }
}

/// The store that is to be replaced, held against servers and readers.
private struct OldStore {
    private let lock: StoreLock
    private let lease: StoreLease
    private let sequence: UInt64?

    /// `nil` if there is none.
    init?(_ layout: RegistryLayout) throws {
        guard try StoreFolder.system.exists(layout.store) else { return nil }
        lock = try StoreLock(layout)
        guard let lease = try StoreLease.tryExclusive(layout) else {
            throw RegistryError(
                .unavailable,
                "a backup or a verification reads this registry",
                detail: "\(layout.leasePath) is locked"
            )
        }
        self.lease = lease
        sequence = try? OldStore.sequence(layout)
    }

    private static func sequence(_ layout: RegistryLayout) throws -> UInt64? {
        let metadata = try MetadataStore.openForReading(layout.databasePath)
        defer { try? metadata.close() }
        return try metadata.read { try $0.head() }?.sequence
    }

    /// A name for the old store that is not taken.
    func freeName(beside store: String, seen: UInt64?) throws(RegistryError) -> String {
        let name = "\(store).before-restore-\(sequence ?? seen ?? 0)"
        guard try StoreFolder.system.exists(name) else { return name }
        var number = 2
        while try StoreFolder.system.exists("\(name)-\(number)") { number += 1 }
        return "\(name)-\(number)"
    }
}
