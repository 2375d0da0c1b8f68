internal import Sealing
internal import Synchronization
internal import Text

/// The row of an upload, and the rows that it is checked with.
struct UploadRow {
    let stored: StoredUpload
    /// `nil` if it is missing.
    let wrapped: WrappedKey?
    /// The version whose bundle is the upload's; `nil` if there is none.
    let version: UInt64?
    /// The finished files by index.
    let files: [Int: StoredFileRow]
}

extension MetadataTransaction {
    /// The row of an upload; `nil` if there is none.
    func uploadRow(id: String) throws -> UploadRow? {
        try upload(id: id).map(uploadRow)
    }

    /// The row of the upload that a request's idempotency key stands for; `nil` if there is none.
    func uploadRow(of request: PublishRequest, _ principal: String) throws -> UploadRow? {
        try upload(
            principal: principal,
            model: request.model,
            idempotencyKey: request.idempotencyKey
        ).map(uploadRow)
    }

    private func uploadRow(_ stored: StoredUpload) throws -> UploadRow {
        let version = try version(bundleID: stored.bundleID)?.info
        return UploadRow(
            stored: stored,
            wrapped: try wrappedKey(bundleID: stored.bundleID),
            version: version?.model == stored.model ? version?.version : nil,
            files: try uploadFiles(id: stored.id)
        )
    }
}

extension Registry {
    /// The upload's row, which is the one that was begun.
    ///
    /// - Throws: `notFound`, for another principal's too; `dataLoss` for a row that was altered.
    func storedUpload(_ id: String, principal: String) throws -> StoredUpload {
        try unaltered(id, principal: principal).row.stored
    }

    /// An upload that takes chunks; after a restart it is put together again from its rows.
    func openUpload(_ id: String, principal: String) throws -> Upload {
        if let known = uploads.withLock({ $0[id] }) {
            guard known.stored.principal == principal else { throw Upload.unknown(id) }
            return known
        }
        let (row, key, mac) = try unaltered(id, principal: principal)
        try checkOwn(row.stored)
        if let version = row.stored.version {
            throw RegistryError(
                .failedPrecondition,
                "upload \(quoted(id)) became version \(version)"
            )
        }
        for (index, file) in row.files
        where try !mac.holds(for: file, index: index, upload: id) { throw row.stored.altered }
        let whole = try row.files.mapValues(\.file).filter { _, file in
            try blobs.byteCount(of: file.sealedSHA256) == file.sealedBytes
        }
        let upload = try Upload(
            registryID: registryID,
            stored: row.stored,
            dataKey: key,
            mac: mac,
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

    /// The answer to a begin whose idempotency key stands for an upload already.
    func begunBefore(_ row: UploadRow, _ request: PublishRequest) throws -> BegunPublish {
        let stored = row.stored
        _ = try checkUnaltered(row)
        // In the same order: chunks name files by index.
        guard stored.files == request.files, stored.metadata == request.metadata else {
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

    private func unaltered(
        _ id: String,
        principal: String
    ) throws -> (row: UploadRow, key: SecretKey, mac: UploadMAC) {
        guard let row = try metadata.read({ try $0.uploadRow(id: id) }) else {
            throw Upload.unknown(id)
        }
        // First: whose it is stands in the row.
        let (key, mac) = try checkUnaltered(row)
        guard row.stored.principal == principal else { throw Upload.unknown(id) }
        return (row, key, mac)
    }

    /// Checks that an upload's row is the one that was begun, and that a version has its bundle if
    /// the row names that one, and none if it is open. Not to be called in a transaction.
    ///
    /// - Returns: The upload's data key and its codes.
    /// - Throws: `dataLoss` that names the upload.
    private func checkUnaltered(_ row: UploadRow) throws -> (SecretKey, UploadMAC) {
        let stored = row.stored
        guard let wrapped = row.wrapped else {
            throw RegistryError(
                .dataLoss,
                "upload \(quoted(stored.id)): its data key is missing"
            )
        }
        do {
            let key = try dataKey(wrapped, model: stored.model, bundleID: stored.bundleID)
            let mac = try UploadMAC(dataKey: key, bundleID: stored.bundleID)
            guard try mac.holds(for: stored), stored.version == row.version else {
                throw stored.altered
            }
            return (key, mac)
        } catch let error as SealingError {
            throw RegistryError.sealing(
                error,
                "upload \(quoted(stored.id)): its data key does not unwrap"
            )
        }
    }
}
