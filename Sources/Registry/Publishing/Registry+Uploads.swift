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
        principal: String,
        uploadsPerPrincipal: Int = Limits.uploadsPerPrincipal
    ) throws -> BegunPublish {
        try request.check(principal: principal)
        // An upload that can never be committed is refused before it is sent.
        try checkFault()
        _ = try request.serverCard()
        if let before = try metadata.read({ try $0.uploadRow(of: request, principal) }) {
            return try begunBefore(before, request)
        }
        try checkSigned(request.files, model: request.model)
        let (upload, wrapped) = try newUpload(request, principal: principal)
        let stored = upload.stored
        let before = try metadata.write { transaction -> UploadRow? in
            // Asked again: another call may have begun it meanwhile.
            if let before = try transaction.uploadRow(of: request, principal) { return before }
            try checkPlace(for: principal, limit: uploadsPerPrincipal, in: transaction)
            // A rotation may have changed the current key since, and counts on this look.
            let current =
                wrapped.kekID == keys.currentKeyID
                ? wrapped : try wrap(upload.dataKey, for: stored)
            try transaction.insert(
                StoredKey(bundleID: stored.bundleID, model: stored.model, wrapped: current)
            )
            try transaction.insert(stored)
            try steps.reach(.beginRow)
            return nil
        }
        if let before { return try begunBefore(before, request) }
        uploads.withLock { $0[stored.id] = $0[stored.id] ?? upload }
        return BegunPublish(
            uploadID: stored.id,
            chunkBytes: UInt32(Limits.chunkBytes),
            version: nil
        )
    }

    /// Refuses an upload for which there is no place. Uploads count until they end, whichever
    /// server began them.
    private func checkPlace(
        for principal: String,
        limit: Int,
        in transaction: MetadataTransaction
    ) throws {
        guard try transaction.openUploadCount(of: principal) < limit else {
            throw RegistryError(
                .resourceExhausted,
                "\(limit) uploads of \(quoted(principal)) are open, which is "
                    + "'limits.uploads_per_principal': commit or abort one first"
            )
        }
        guard try transaction.openUploadCount() < Limits.maxUploads else {
            throw RegistryError(
                .resourceExhausted,
                "\(Limits.maxUploads) uploads are open, the most of all callers together: try "
                    + "again when one has ended"
            )
        }
    }

    /// An upload with an id, which is its bundle's, and a data key of its own, and that key
    /// wrapped.
    private func newUpload(
        _ request: PublishRequest,
        principal: String
    ) throws -> (Upload, WrappedKey) {
        do {
            let dataKey = try SecretKey.random()
            let bundleID = try RandomBytes.make(count: SealingLimits.idBytes)
            var stored = StoredUpload(
                id: bundleID.column,
                serverID: serverID,
                principal: principal,
                model: request.model,
                idempotencyKey: request.idempotencyKey,
                mac: [],
                bundleID: bundleID,
                usedUnixMs: clock.nowUnixMs,
                version: nil,
                alias: nil,
                aliasGeneration: nil,
                metadata: request.metadata,
                files: request.files
            )
            let mac = try UploadMAC(dataKey: dataKey, bundleID: bundleID)
            stored.mac = try mac.code(of: stored)
            return (
                try Upload(registryID: registryID, stored: stored, dataKey: dataKey, mac: mac),
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
        return try uncheckedUpload(uploadID, principal: principal).model
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
            let code = try upload.mac.code(of: stored, index: file.index, upload: upload.stored.id)
            try metadata.write { transaction in
                try transaction.insertUploadFile(
                    id: upload.stored.id,
                    index: file.index,
                    StoredFileRow(file: stored, mac: code),
                    usedUnixMs: clock.nowUnixMs
                )
                try steps.reach(.fileRow)
            }
        }
    }
}
