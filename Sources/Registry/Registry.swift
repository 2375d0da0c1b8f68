package import Sealing
internal import Synchronization

/// The registry of models: versions, aliases, uploads, their sealed bytes, and the log of who did
/// what.
///
/// A version exists when its commit is durable, and not before; a crash at any instant leaves the
/// registry as before or as after. All calls block, on the disk or on each other, and may come
/// from any thread: call them where blocking is allowed. One process has a registry open.
package final class Registry: Sendable {
    /// 16 random bytes, drawn when the registry was created; every seal and signature binds them.
    package let registryID: [UInt8]
    /// 32 hex digits, drawn by `create` and kept: who began an upload.
    package let serverID: String

    let layout: RegistryLayout
    let keys: any KeyProvider
    let signing: SigningKey
    let clock: WallClock
    let steps: Steps
    let metadata: MetadataStore
    let blobs: any BlobStore
    let sequenceFile: SequenceFile
    /// The registry's own data key: it seals cards, which outlive their versions' keys.
    let cardKey: SecretKey
    /// The tokens of the audit log's pages.
    package let auditTokens: AuditTokens
    /// Held while a change to the catalogue and its second place are written.
    let changes = Mutex(())
    /// The catalogue that was signed last.
    let signed: Mutex<SignedCatalogue>
    /// Set once, by the first row that is not what was signed.
    let foreignFault = Mutex<RegistryFault?>(nil)
    /// Held by the one rotation of keys that runs.
    let rotating = Mutex(())
    let storageFault = StorageFault()
    /// Whose signatures bundles need.
    let signers = Mutex(SignerPolicy.none)
    /// The uploads that this process has touched, by id.
    let uploads = Mutex<[String: Upload]>([:])
    /// What the collection must leave although no row refers to it.
    let leases = BlobLeases()
    /// What need not be hashed again.
    let hashed = HashedBlobs()
    /// Held by the one collection that runs.
    let collecting = Mutex(())
    /// What was noted of loads.
    package let loadNotes: LoadNotes
    let openedVersions = OpenedVersionCache(limit: Limits.maxCachedVersions)
    /// The migration of a registry of a former format; `nil` for one of the present format.
    package let migration: Migration?
    private let lock: StoreLock

    /// Opens a registry.
    ///
    /// - Parameters:
    ///   - layout: Where it lives.
    ///   - keys: What its data keys are wrapped with.
    ///   - clock: The time of day.
    ///   - steps: For tests: called at each step of a change.
    ///   - signing: Gives the signing key, whose own seal needs the registry's id.
    /// - Throws: `unavailable` if another process has it open, the database or the head is
    ///   damaged or older than what was seen before, or a key is wrong or missing.
    package init(
        layout: RegistryLayout,
        keys: any KeyProvider,
        clock: WallClock = .system,
        steps: Steps = .none,
        signing: (_ registryID: [UInt8]) throws -> SigningKey
    ) throws {
        self.layout = layout
        try layout.checkAccess()
        lock = try StoreLock(layout)
        serverID = try Registry.readServerID(layout)
        metadata = try MetadataStore.open(layout, fault: storageFault)
        let formatFile = FormatFile(layout)
        try formatFile.check(metadata.format)
        let check = StartCheck(metadata: metadata, keys: keys)
        // Read before the rows are: a write of another after this is noticed by the next change.
        let dataVersion = try metadata.writersDataVersion()
        let stored = try check.storedHead()
        registryID = stored.registryID
        self.signing = try check.signingKey(stored.registryID, from: signing)
        sequenceFile = SequenceFile(layout, steps: steps)
        try check.checkHead(stored, key: self.signing.publicKey)
        try check.checkSequence(stored.sequence, sequenceFile)
        cardKey = try check.unwrapKeys(registryID: stored.registryID)
        signed = Mutex(try check.catalogue(stored, dataVersion: dataVersion))
        migration = try Migration.run(
            metadata,
            keys: keys,
            registryID: stored.registryID,
            publicKey: self.signing.publicKey
        )
        try formatFile.raise(to: metadata.format)
        loadNotes = try LoadNotes(layout, registryKey: cardKey, registryID: registryID)
        auditTokens = AuditTokens(registryID: stored.registryID, key: cardKey)
        blobs = try FolderBlobStore(layout: layout, fault: storageFault, steps: steps)
        self.keys = keys
        self.clock = clock
        self.steps = steps
        // Whatever lies there was not finished when the last process ended. Its salt is gone,
        // and so it starts again at its first byte.
        // What cannot be removed is in nobody's way, and is tried again at the next start.
        try? SigningKeyFile.removeUnfinished(
            folder: StoreFolder.parent(of: layout.sequencePath),
            calls: layout.files
        )
        for upload in try blobs.unfinishedUploads() {
            try? blobs.removeUpload(upload)
        }
    }

    /// Opens a registry with a signing key that is at hand.
    ///
    /// - Throws: As for the other initialiser.
    package convenience init(
        layout: RegistryLayout,
        keys: any KeyProvider,
        signing: SigningKey,
        clock: WallClock = .system,
        steps: Steps = .none
    ) throws {
        try self.init(layout: layout, keys: keys, clock: clock, steps: steps) { _ in signing }
    }

    deinit { close() }

    /// Closes the database, which folds its log into the file; every later call fails. A failure
    /// costs nothing that was committed. The lock goes with the registry.
    package func close() {
        try? metadata.close()
    }

    /// Why the registry takes no changes any more; `nil` while all is well. A storage that failed
    /// to sync cannot be trusted by trying again: the process has to end and start anew.
    package var storageFailure: String? { storageFault.reason }

    /// What records and heads are signed with, for whoever checks them.
    package var publicKey: VerifyingKey { signing.publicKey }

    static func readServerID(_ layout: RegistryLayout) throws -> String {
        let digits = SealingLimits.idBytes * 2
        guard let text = try layout.folder.readText(layout.serverIDPath, maxBytes: digits + 1)
        else {
            throw RegistryError(
                .unavailable,
                "the server's id is missing",
                detail: "\(layout.serverIDPath) does not exist"
            )
        }
        let serverID = text.hasSuffix("\n") ? String(text.dropLast()) : text
        guard Hex.decode(serverID)?.count == SealingLimits.idBytes else {
            throw RegistryError(
                .unavailable,
                "the server's id is not \(digits) hex digits",
                detail: layout.serverIDPath
            )
        }
        return serverID
    }
}
