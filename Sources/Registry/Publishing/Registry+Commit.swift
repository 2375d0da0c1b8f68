internal import Sealing
internal import Synchronization
internal import Text

extension Registry {
    /// Makes a version of an upload. When this returns the version is durable.
    ///
    /// A commit that is asked for again answers what the first one did.
    ///
    /// - Parameters:
    ///   - alias: The alias that is to move to the new version, in the same transaction.
    ///   - overrides: The checks before the swap that the move passes over. A commit that is asked
    ///     for again cannot change them.
    /// - Throws: `notFound`; `failedPrecondition` while bytes are missing; `dataLoss` for a file
    ///   whose digest is not the declared one, which is then to be sent again;
    ///   `invalidArgument` for a signature or a card that is refused, which ends the upload: the
    ///   same bytes can never become a version.
    package func commit(
        uploadID: String,
        alias: String?,
        overrides: MoveOverrides = MoveOverrides(),
        principal: String
    ) throws -> Committed {
        if let alias { try Name.check(alias, of: "alias") }
        let stored = try storedUpload(uploadID, principal: principal)
        if stored.version != nil { return try committedBefore(stored, alias: alias) }
        let upload = try openUploadForCommit(stored)
        return try upload.ending.withLock { _ in
            // Another call may have committed it while this one waited.
            let stored = try storedUpload(uploadID, principal: principal)
            if stored.version != nil { return try committedBefore(stored, alias: alias) }
            upload.enter(.committing)
            do {
                let committed = try commit(upload, alias: alias, overrides: overrides)
                end(upload)
                return committed
            } catch {
                upload.enter(.open)
                throw error
            }
        }
    }

    private func openUploadForCommit(_ stored: StoredUpload) throws -> Upload {
        try checkOwn(stored)
        return try openUpload(stored.id, principal: stored.principal)
    }

    private func commit(
        _ upload: Upload,
        alias: String?,
        overrides: MoveOverrides
    ) throws -> Committed {
        try sealOwnFiles(upload)
        let files = try finishedFiles(upload)
        let card = try readSealed(Card.path, of: upload, files)
        let signer: PublisherKey?
        do {
            signer = try verifySignature(upload, files)
            _ = try Card.parse(card, paths: files.map(\.path))
        } catch let error as RegistryError where error.code == .invalidArgument {
            try drop(upload)
            throw error
        }
        let sealedCard = try sealCard(
            card,
            model: upload.stored.model,
            bundleID: upload.stored.bundleID
        )
        return try change { change in
            try upload.checkRow(change.transaction)
            let version = try insertVersion(
                upload,
                files,
                cardSHA256: Digest.sha256(card),
                sealedCard: sealedCard,
                signer: signer,
                &change
            )
            var move: AliasInfo?
            if let alias {
                move = try accept(
                    AliasMove(
                        model: upload.stored.model,
                        name: alias,
                        version: version,
                        overrides: overrides,
                        principal: upload.stored.principal
                    ),
                    in: &change
                ).alias
            }
            try change.transaction.setUploadCommitted(
                id: upload.stored.id,
                version: version,
                alias: alias,
                aliasGeneration: move?.generation
            )
            let info = try change.transaction.versionInfo(
                model: upload.stored.model,
                version: version
            )
            guard let info else {
                throw RegistryError(.internalFailure, "the new version cannot be read back")
            }
            return Committed(version: info, move: move)
        }
    }

    /// Seals what the publisher does not send: the default card, and files of no bytes, whose
    /// one empty chunk need not come.
    private func sealOwnFiles(_ upload: Upload) throws {
        for file in upload.files where file.stored == nil {
            let isOwn = file.index >= upload.stored.files.count
            guard isOwn || file.file.size == 0 else { continue }
            let content = isOwn ? upload.serverCard ?? [] : []
            _ = try content.withRawBytes { bytes in
                try receive(file, offset: 0, bytes: bytes, upload) {}
            }
        }
    }

    /// Every file of the upload as it is to be recorded.
    private func finishedFiles(_ upload: Upload) throws -> [VersionRecord.File] {
        let missing = upload.files.filter { $0.stored == nil }
        if let first = missing.first {
            throw RegistryError(
                .failedPrecondition,
                "file \(quoted(first.file.path)): \(first.nextOffset) of \(first.file.size) "
                    + "bytes are "
                    + "held; \(missing.count) of \(upload.files.count) files are not complete"
            )
        }
        return try upload.files.map { file in
            guard let stored = file.stored, stored.sha256 == file.file.sha256 else {
                try restart(file, upload)
                throw RegistryError(
                    .dataLoss,
                    "file \(quoted(file.file.path)): the SHA-256 of what came is not the "
                        + "declared one; "
                        + "the file starts again at offset 0"
                )
            }
            return VersionRecord.File(
                path: file.file.path,
                size: file.file.size,
                sha256: stored.sha256,
                sealedBytes: stored.sealedBytes,
                sealedSHA256: stored.sealedSHA256,
                commitment: stored.commitment
            )
        }
    }

    private func restart(_ file: UploadFile, _ upload: Upload) throws {
        try metadata.write { transaction in
            try transaction.deleteUploadFile(id: upload.stored.id, index: file.index)
        }
        if let digest = file.reset() { try? blobs.remove(digest) }
    }

    /// A file's bytes, opened from its own sealed blob: no plaintext is kept for the commit.
    func readSealed(
        _ path: ExactString,
        of upload: Upload,
        _ files: [VersionRecord.File]
    ) throws -> [UInt8] {
        guard let file = files.first(where: { $0.path == path }) else {
            throw RegistryError(.internalFailure, "an upload without the file \(quoted(path))")
        }
        do {
            return try SealedFile(
                file,
                dataKey: upload.dataKey,
                context: BlobContext(
                    registryID: registryID,
                    model: upload.stored.model,
                    bundleID: upload.stored.bundleID,
                    path: file.path
                ),
                blobs: blobs
            ).readAll(threads: 1, hashed: hashed).copyBytes()
        } catch let error as SealingError {
            throw RegistryError.sealing(
                error,
                "file \(quoted(file.path)): its stored bytes do not open"
            )
        }
    }

    private func insertVersion(
        _ upload: Upload,
        _ files: [VersionRecord.File],
        cardSHA256: [UInt8],
        sealedCard: [UInt8],
        signer: PublisherKey?,
        _ change: inout Change
    ) throws -> UInt64 {
        let stored = upload.stored
        let version = try change.takeVersionNumber(model: stored.model)
        let place = change.nextRecordPlace()
        let record = VersionRecord(
            registryID: registryID,
            model: stored.model,
            version: version,
            bundleID: stored.bundleID,
            createdBy: stored.principal,
            createdUnixMs: change.nowUnixMs,
            cardSHA256: cardSHA256,
            metadata: stored.metadata,
            files: files,
            previousSHA256: place.previousSHA256,
            sequence: place.sequence
        ).encoded()
        let signed = try change.sign(record: record)
        let bytes = files.reduce(0) { $0 + $1.size }
        try change.transaction.insert(
            StoredVersion(
                info: VersionInfo(
                    model: stored.model,
                    version: version,
                    createdUnixMs: change.nowUnixMs,
                    createdBy: stored.principal,
                    bytes: bytes,
                    recordSHA256: signed.sha256,
                    aliases: [],
                    state: .stored,
                    reason: "",
                    metadata: stored.metadata
                ),
                bundleID: stored.bundleID,
                record: record,
                signature: signed.signature,
                sealedCard: sealedCard
            )
        )
        try change.log(
            AuditAction.publish,
            principal: stored.principal,
            model: stored.model,
            version: version,
            detail: "\(files.count) files, \(bytes) bytes" + Self.signedBy(signer)
        )
        return version
    }

    /// The answer of a commit that is asked for again.
    private func committedBefore(_ stored: StoredUpload, alias: String?) throws -> Committed {
        guard let version = stored.version else { throw Upload.unknown(stored.id) }
        guard stored.alias == alias else {
            throw RegistryError(
                .failedPrecondition,
                "upload \(stored.id) became version \(version) with another alias or none; set "
                    + "the alias instead"
            )
        }
        return try metadata.read { transaction in
            let info = try transaction.versionInfo(model: stored.model, version: version)
            guard let info else { throw Registry.noVersion(stored.model, version) }
            guard let alias, let generation = stored.aliasGeneration else {
                return Committed(version: info, move: nil)
            }
            let now = try transaction.alias(model: stored.model, name: alias)
            let move = try transaction.move(
                model: stored.model,
                name: alias,
                generation: generation
            )
            guard move?.info.toVersion == version else { throw stored.altered }
            return Committed(
                version: info,
                move: AliasInfo(
                    name: alias,
                    version: now?.version ?? 0,
                    generation: generation,
                    targetVersion: version,
                    failure: now?.failure ?? "",
                    changedUnixMs: move?.info.askedUnixMs ?? info.createdUnixMs,
                    changedBy: stored.principal
                )
            )
        }
    }
}
