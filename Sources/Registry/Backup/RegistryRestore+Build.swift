internal import Sealing

extension RegistryRestore {
    /// The making of the store, aside.
    struct Build {
        let restore: RegistryRestore
        let registryID: [UInt8]

        private var draft: RegistryLayout { restore.draft }

        /// What was made.
        struct Built {
            let manifest: BackupManifest
            let contents: BackupContents
            /// What the second place holds.
            let seen: UInt64?
            let accepted: Acceptance.Accepted?
            let migration: Migration?

            func report(oldStore: String?) -> Report {
                Report(
                    registryID: manifest.registryID,
                    migration: migration,
                    sequence: accepted?.sequence ?? manifest.sequence,
                    createdUnixMs: manifest.createdUnixMs,
                    versions: contents.versions,
                    blobs: contents.blobs,
                    bytes: contents.bytes,
                    accepted: accepted,
                    oldStore: oldStore
                )
            }
        }

        /// Copies and checks everything; durable when this returns, but for the store's name.
        func run(
            _ acceptance: Acceptance?,
            migrates: Bool,
            progress: (UInt64, UInt64) -> Void,
            signing: ([UInt8]) throws -> SigningKey
        ) throws -> Built {
            let manifest = try copyDatabase()
            let metadata = try MetadataStore.open(draft, fault: StorageFault())
            defer { try? metadata.close() }
            guard migrates || !metadata.format.isFormer else {
                throw FormerFormat(format: metadata.format.number)
            }
            let check = StartCheck(metadata: metadata, keys: restore.keys)
            let stored = try check.storedHead()
            guard stored.registryID == registryID else {
                throw RegistryError(
                    .dataLoss,
                    "the backup's database is another registry's",
                    detail: "\(Hex.encode(stored.registryID)), expected \(Hex.encode(registryID))"
                )
            }
            let key = try check.signingKey(registryID, from: signing)
            try check.checkHead(stored, key: key.publicKey)
            _ = try check.unwrapKeys(registryID: registryID)
            let file = SequenceFile(draft, steps: .none)
            let seen = try file.read()
            let doubt = StartCheck.doubt(stored.sequence, seen: seen, path: file.path)
            if let doubt, acceptance == nil { throw doubt }
            let before = try catalogue(check, stored)
            let migration = try Migration.run(
                metadata,
                keys: restore.keys,
                registryID: registryID,
                publicKey: key.publicKey
            )
            let contents = try copyBlobs(metadata, key: key.publicKey, progress: progress)
            let accepted =
                doubt != nil
                ? try acceptance?.record(
                    in: metadata,
                    on: before,
                    seen: seen,
                    signing: key,
                    clock: restore.clock,
                    steps: restore.steps
                ) : nil
            try finish()
            return Built(
                manifest: manifest,
                contents: contents,
                seen: seen,
                accepted: accepted,
                migration: migration
            )
        }

        private func copyDatabase() throws -> BackupManifest {
            let source = restore.folder.layout.databasePath
            guard let copied = try FileDigest(copying: source, to: draft.databasePath) else {
                throw RegistryError(
                    .notFound,
                    "the backup was never finished: it has no database",
                    detail: "\(source) does not exist"
                )
            }
            return try restore.folder.manifest(of: copied)
        }

        /// The head vouches for the newest event alone: all others, and what follows from them, are
        /// looked at here.
        private func catalogue(
            _ check: StartCheck,
            _ stored: StoredHead
        ) throws -> SignedCatalogue {
            do {
                return try check.catalogue(stored, dataVersion: nil)
            } catch let error as RegistryError {
                throw RegistryError(
                    .dataLoss,
                    "in the backup, \(error.message)",
                    detail: error.detail
                )
            }
        }

        private func copyBlobs(
            _ metadata: MetadataStore,
            key: VerifyingKey,
            progress: (UInt64, UInt64) -> Void
        ) throws -> BackupContents {
            var contents = BackupContents()
            var copier = BlobCopier(
                from: restore.folder.layout.blobsPath,
                to: draft.blobsPath,
                draft: draft.store + "/blob.new"
            )
            try StoreFolder.system.makeDurable(draft.blobsPath)
            try metadata.read { transaction in
                try transaction.eachKeptVersion { stored in
                    contents.add(try stored.verified(registryID: registryID, key: key))
                }
            }
            var done: UInt64 = 0
            try metadata.read { transaction in
                try transaction.eachKeptVersion { stored in
                    let record = try stored.verified(registryID: registryID, key: key)
                    for file in record.files {
                        do {
                            try copier.copy(file) { bytes in
                                done += bytes
                                progress(done, contents.bytes)
                            }
                        } catch let error as RegistryError where error.code == .dataLoss {
                            throw error.placed(record, file)
                        }
                    }
                }
            }
            try copier.sync()
            return contents
        }

        /// What a store has besides. The server's id is a new one: what the old one left
        /// unfinished is not here.
        private func finish() throws {
            try StoreFolder.system.makeDurable(draft.uploadsPath)
            let serverID = try RandomBytes.make(count: SealingLimits.idBytes)
            try StoreFolder.system.replaceFile(
                draft.serverIDPath,
                with: Hex.encode(serverID) + "\n"
            )
            try StoreFolder.system.sync(draft.store)
        }
    }
}
