internal import Sealing
internal import Synchronization
internal import Text

extension Registry {
    /// Begins an upload, or finds the one that the idempotency key stands for.
    ///
    /// - Throws: `invalidArgument` for a request that could never be committed, also for want of a
    ///   signature; `failedPrecondition` for a key with other contents, or of an upload that
    ///   another server began; `resourceExhausted` when too many uploads are open.
    package func beginPublish(
        _ request: PublishRequest,
        principal: String
    ) throws -> BegunPublish {
        try request.check(principal: principal)
        _ = try request.serverCard()
        let contents = request.contentsSHA256
        if let begun = try metadata.read({ transaction in
            try begunBefore(request, contents, principal: principal, transaction)
        }) {
            return begun
        }
        try checkSigned(request.files, model: request.model)
        let (upload, wrapped) = try newUpload(request, contents, principal: principal)
        let stored = upload.stored
        let begun = try metadata.write { transaction in
            // Asked again: another call may have begun it meanwhile.
            if let begun = try begunBefore(request, contents, principal: principal, transaction) {
                return begun
            }
            guard try transaction.openUploadCount() < Limits.maxUploads else {
                throw RegistryError(
                    .resourceExhausted,
                    "\(Limits.maxUploads) uploads are open: commit or abort one first"
                )
            }
            // A rotation may have changed the current key since, and counts on this look.
            let current =
                wrapped.kekID == keys.currentKeyID
                ? wrapped : try wrap(upload.dataKey, for: stored)
            try transaction.insert(
                StoredKey(bundleID: stored.bundleID, model: stored.model, wrapped: current)
            )
            try transaction.insert(stored)
            try steps.reach(.beginRow)
            return BegunPublish(
                uploadID: stored.id,
                chunkBytes: UInt32(Limits.chunkBytes),
                version: nil
            )
        }
        if begun.uploadID == stored.id {
            uploads.withLock { $0[stored.id] = $0[stored.id] ?? upload }
        }
        return begun
    }

    /// An upload with ids and a data key of its own, and that key wrapped.
    private func newUpload(
        _ request: PublishRequest,
        _ contents: [UInt8],
        principal: String
    ) throws -> (Upload, WrappedKey) {
        do {
            let dataKey = try SecretKey.random()
            let stored = StoredUpload(
                id: Hex.encode(try RandomBytes.make(count: SealingLimits.idBytes)),
                serverID: serverID,
                principal: principal,
                model: request.model,
                idempotencyKey: request.idempotencyKey,
                contentsSHA256: contents,
                bundleID: try RandomBytes.make(count: SealingLimits.idBytes),
                usedUnixMs: clock.nowUnixMs,
                version: nil,
                alias: nil,
                aliasGeneration: nil,
                metadata: request.metadata,
                files: request.files
            )
            return (
                try Upload(registryID: registryID, stored: stored, dataKey: dataKey),
                try wrap(dataKey, for: stored)
            )
        } catch let error as SealingError {
            throw RegistryError.sealing(error, "a data key cannot be made")
        }
    }

    private func wrap(
        _ dataKey: SecretKey,
        for upload: StoredUpload
    ) throws(SealingError) -> WrappedKey {
        try keys.wrap(
            dataKey,
            context: WrapContext(
                registryID: registryID,
                model: upload.model,
                bundleID: upload.bundleID
            )
        )
    }

    /// Takes a chunk of a file.
    ///
    /// - Parameters:
    ///   - fileIndex: Into the request's files.
    ///   - offset: Where the chunk begins. One already held is acknowledged and dropped.
    ///   - bytes: ``Limits/chunkBytes`` bytes, or what is left at the end. Whoever received them
    ///     has checked their checksum.
    /// - Returns: The first byte of the file not yet held.
    /// - Throws: `notFound`; `outOfRange` ahead of what is held; `invalidArgument` for a wrong
    ///   index or length; `failedPrecondition` if another server began the upload.
    package func receiveChunk(
        uploadID: String,
        fileIndex: Int,
        offset: UInt64,
        bytes: RawSpan,
        principal: String
    ) throws -> UInt64 {
        let upload = try openUpload(uploadID, principal: principal)
        guard upload.requestFiles.indices.contains(fileIndex) else {
            throw RegistryError(
                .invalidArgument,
                "file index \(fileIndex), expected 0 to \(upload.requestFiles.count - 1)"
            )
        }
        let next = try receive(upload.files[fileIndex], offset: offset, bytes: bytes, upload) {
            () throws(RegistryError) in try upload.checkOpen()
        }
        upload.use(nowUnixMs: clock.nowUnixMs)
        return next
    }

    /// How far an upload is.
    ///
    /// - Throws: `notFound`; `failedPrecondition` if another server began the upload.
    package func uploadStatus(uploadID: String, principal: String) throws -> UploadStatus {
        let stored = try storedUpload(uploadID, principal: principal)
        if let version = stored.version {
            return UploadStatus(nextOffsets: stored.files.map(\.size), version: version)
        }
        let upload = try openUpload(uploadID, principal: principal)
        return UploadStatus(nextOffsets: upload.requestFiles.map(\.nextOffset), version: nil)
    }

    /// The model that an upload is for: what the caller needs a grant on.
    ///
    /// - Throws: `notFound`, for another principal's upload too.
    package func uploadModel(uploadID: String, principal: String) throws -> String {
        let known = uploads.withLock { $0[uploadID] }
        if let known, known.stored.principal == principal { return known.stored.model }
        return try storedUpload(uploadID, principal: principal).model
    }

    /// Takes a chunk, and notes a file that it finished.
    func receive(
        _ file: UploadFile,
        offset: UInt64,
        bytes: RawSpan,
        _ upload: Upload,
        isOpen: () throws -> Void
    ) throws -> UInt64 {
        try file.receive(
            offset: offset,
            bytes: bytes,
            upload: upload,
            blobs: blobs,
            leases: leases,
            isOpen: isOpen
        ) { stored in
            try metadata.write { transaction in
                try transaction.insertUploadFile(
                    id: upload.stored.id,
                    index: file.index,
                    stored,
                    usedUnixMs: clock.nowUnixMs
                )
                try steps.reach(.fileRow)
            }
        }
    }

    /// The upload's row.
    func storedUpload(_ id: String, principal: String) throws -> StoredUpload {
        let stored = try metadata.read { try $0.upload(id: id) }
        guard let stored, stored.principal == principal else { throw Upload.unknown(id) }
        return stored
    }

    /// An upload that takes chunks; after a restart it is put together again from its rows.
    func openUpload(_ id: String, principal: String) throws -> Upload {
        if let known = uploads.withLock({ $0[id] }) {
            guard known.stored.principal == principal else { throw Upload.unknown(id) }
            return known
        }
        let (stored, finished, wrapped) = try metadata.read { transaction in
            let stored = try transaction.upload(id: id)
            guard let stored, stored.principal == principal else { throw Upload.unknown(id) }
            return (
                stored, try transaction.uploadFiles(id: id),
                try transaction.wrappedKey(bundleID: stored.bundleID)
            )
        }
        try checkOwn(stored)
        if let version = stored.version {
            throw RegistryError(
                .failedPrecondition,
                "upload \(quoted(id)) became version \(version)"
            )
        }
        guard let wrapped else {
            throw RegistryError(.dataLoss, "upload \(quoted(id)): its data key is missing")
        }
        let key: SecretKey
        do {
            key = try dataKey(wrapped, model: stored.model, bundleID: stored.bundleID)
        } catch let error as SealingError {
            throw RegistryError.sealing(error, "upload \(quoted(id)): its data key does not unwrap")
        }
        let whole = try finished.filter { _, file in
            try blobs.byteCount(of: file.sealedSHA256) == file.sealedBytes
        }
        let upload = try Upload(
            registryID: registryID,
            stored: stored,
            dataKey: key,
            finished: whole
        )
        return uploads.withLock { uploads in
            if let known = uploads[id] { return known }
            uploads[id] = upload
            return upload
        }
    }

    /// Refuses an upload that another server began: what that one sealed is not known here.
    func checkOwn(_ stored: StoredUpload) throws(RegistryError) {
        guard stored.serverID == serverID else {
            throw RegistryError(
                .failedPrecondition,
                "upload \(stored.id) was begun by another server"
            )
        }
    }

    private func begunBefore(
        _ request: PublishRequest,
        _ contents: [UInt8],
        principal: String,
        _ transaction: MetadataTransaction
    ) throws -> BegunPublish? {
        let stored = try transaction.upload(
            principal: principal,
            model: request.model,
            idempotencyKey: request.idempotencyKey
        )
        guard let stored else { return nil }
        guard stored.contentsSHA256 == contents else {
            throw RegistryError(
                .failedPrecondition,
                "the idempotency key was used before, with other files or metadata"
            )
        }
        if stored.version == nil { try checkOwn(stored) }
        return BegunPublish(
            uploadID: stored.id,
            chunkBytes: UInt32(Limits.chunkBytes),
            version: stored.version
        )
    }
}
