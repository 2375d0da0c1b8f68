package import Sealing

/// Copies a registry into a folder of its own, while it may be served.
///
/// The copy is of one instant, needs no key, and is laid out as a home's store. What is there
/// already, under its digest, is not copied again. A backup that is cut short at any instant
/// leaves the one before it whole.
package struct RegistryBackup: Sendable {
    /// What a backup did.
    package struct Report: Sendable, Equatable {
        package let registryID: [UInt8]
        /// Of the catalogue's head.
        package let sequence: UInt64
        package let createdUnixMs: Int64
        /// What the backup holds now: versions, their sealed files, the bytes of those.
        package let versions: UInt64
        package let blobs: UInt64
        package let bytes: UInt64
        /// What of it was copied this time.
        package let copiedBlobs: UInt64
        package let copiedBytes: UInt64
        /// Sealed files that no version needs any more and that were removed.
        package let prunedBlobs: UInt64
    }

    /// What is done besides the copy.
    package struct Options: OptionSet, Sendable {
        package let rawValue: Int

        package init(rawValue: Int) {
            self.rawValue = rawValue
        }

        /// Reads all that is there already, and copies again what is damaged.
        package static let verify = Options(rawValue: 1)
        /// Removes sealed files that no version of the new backup needs.
        package static let prune = Options(rawValue: 2)
    }

    private let source: RegistryLayout
    private let folder: BackupFolder
    private let publicKey: VerifyingKey
    private let clock: WallClock

    /// - Parameters:
    ///   - source: Where the registry lives.
    ///   - folder: Where its backup is, or is to be; the folder above it has to exist.
    ///   - publicKey: What the registry's records and heads are signed with.
    package init(
        of source: RegistryLayout,
        to folder: String,
        publicKey: VerifyingKey,
        clock: WallClock = .system
    ) {
        self.source = source
        self.folder = BackupFolder(folder)
        self.publicKey = publicKey
        self.clock = clock
    }

    /// Makes or renews the backup.
    ///
    /// - Parameter progress: Called with the bytes that are done, and all bytes.
    /// - Throws: `failedPrecondition` if the folder holds something else; `dataLoss` for a
    ///   damaged record or sealed file, which names its version; `unavailable` for a damaged
    ///   database or head. The backup from before is as it was.
    package func run(
        _ options: Options = [],
        progress: (UInt64, UInt64) -> Void = { _, _ in }
    ) throws -> Report {
        try source.checkAccess()
        // Before the snapshot: nothing that it refers to is collected while this is held.
        let lease = try StoreLease(source, isShared: true)
        defer { withExtendedLifetime(lease) {} }
        let lock = try takeSnapshot()
        defer { withExtendedLifetime(lock) {} }
        let snapshot = try MetadataStore.openForReading(folder.newDatabasePath)
        let head: CatalogueHead
        var pass: BackupPass
        do {
            head = try checkedHead(of: snapshot)
            try folder.checkOlder(than: head)
            pass = BackupPass(
                options: options,
                copier: BlobCopier(
                    from: source.blobsPath,
                    to: folder.layout.blobsPath,
                    draft: folder.layout.store + "/blob.new"
                )
            )
            try eachRecord(of: snapshot, head) { record in pass.contents.add(record) }
            try eachRecord(of: snapshot, head) { record in
                try pass.copyFiles(of: record, progress: progress)
            }
            // SQLite's locks would go with a file that is closed under it.
            try snapshot.close()
        } catch {
            try? snapshot.close()
            throw error
        }
        try pass.copier.sync()
        try writePublicKey()
        let manifest = try replaceDatabase(head, pass.contents)
        let pruned = options.contains(.prune) ? try prune(keeping: pass.kept) : 0
        return Report(
            registryID: head.registryID,
            sequence: head.sequence,
            createdUnixMs: manifest.createdUnixMs,
            versions: pass.contents.versions,
            blobs: pass.contents.blobs,
            bytes: pass.contents.bytes,
            copiedBlobs: pass.copied.blobs,
            copiedBytes: pass.copied.bytes,
            prunedBlobs: pruned
        )
    }

    /// Copies the database beside the one that is there.
    private func takeSnapshot() throws -> StoreLock {
        let live = try MetadataStore.openForReading(source.databasePath)
        defer { try? live.close() }
        try folder.claim(for: try StartCheck(metadata: live, keys: nil).storedHead().registryID)
        let lock = try BackupFolder.lock(folder.layout, "another backup into this folder runs")
        try folder.finishReplacing()
        try live.writeSnapshot(to: folder.newDatabasePath)
        return lock
    }

    /// A damaged database must not take the place of a whole one.
    private func checkedHead(of snapshot: MetadataStore) throws -> CatalogueHead {
        try snapshot.check()
        let check = StartCheck(metadata: snapshot, keys: nil)
        let stored = try check.storedHead()
        try check.checkHead(stored, key: publicKey)
        return try CatalogueHead(verified: stored.head)
    }

    private func eachRecord(
        of snapshot: MetadataStore,
        _ head: CatalogueHead,
        _ body: (VersionRecord) throws -> Void
    ) throws {
        try snapshot.read { transaction in
            try transaction.eachKeptVersion { stored in
                try body(try stored.verified(registryID: head.registryID, key: publicKey))
            }
        }
    }

    private func writePublicKey() throws {
        guard
            try StoreFolder.system.readText(folder.publicKeyPath, maxBytes: 1 << 10)
                != publicKey.pem
        else { return }
        try StoreFolder.system.replaceFile(folder.publicKeyPath, with: publicKey.pem)
    }

    private func replaceDatabase(
        _ head: CatalogueHead,
        _ contents: BackupContents
    ) throws -> BackupManifest {
        guard let database = try FileDigest(of: folder.newDatabasePath) else {
            throw RegistryError(
                .internalFailure,
                "the backup's new database is gone",
                detail: folder.newDatabasePath
            )
        }
        let manifest = BackupManifest(
            head: head,
            createdUnixMs: clock.nowUnixMs,
            contents: contents,
            database: database
        )
        try folder.replaceDatabase(manifest)
        return manifest
    }

    /// Removes blobs that the durable backup does not refer to.
    private func prune(keeping kept: Set<UInt64>) throws -> UInt64 {
        var count: UInt64 = 0
        for prefix in try StoreFolder.system.names(in: folder.layout.blobsPath) {
            let path = "\(folder.layout.blobsPath)/\(prefix)"
            for name in try StoreFolder.system.names(in: path) {
                guard let digest = Hex.decode(name), digest.count == Digest.byteCount,
                    !kept.contains(digest.firstEightBytes)
                else { continue }
                try StoreFolder.system.remove("\(path)/\(name)")
                count += 1
            }
        }
        return count
    }
}
