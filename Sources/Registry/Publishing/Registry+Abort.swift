internal import Synchronization

extension Registry {
    /// Ends an upload and drops what was sent.
    ///
    /// - Throws: `notFound`; `failedPrecondition` if it became a version, or if another server
    ///   began it.
    package func abort(uploadID: String, principal: String) throws {
        let upload: Upload
        do {
            upload = try openUpload(uploadID, principal: principal)
        } catch let error as RegistryError where error.code == .dataLoss {
            // Its key is gone, so nothing of it can be used; it must not hold a place for ever.
            let stored = try uncheckedUpload(uploadID, principal: principal)
            guard stored.version == nil else { throw error }
            return try dropUnreadable(stored)
        }
        try upload.ending.withLock { _ in
            let stored = try uncheckedUpload(uploadID, principal: principal)
            if let version = stored.version {
                throw RegistryError(
                    .failedPrecondition,
                    "upload \(uploadID) became version \(version)"
                )
            }
            try drop(upload)
        }
    }

    /// Drops the uploads that nobody used for long.
    ///
    /// - Parameter idleSeconds: How long is long.
    /// - Returns: How many were dropped.
    @discardableResult
    package func dropIdleUploads(
        idleSeconds: Int64 = Limits.uploadIdleSeconds
    ) throws -> Int {
        let before = clock.nowUnixMs - idleSeconds * 1_000
        let idle = try metadata.read { try $0.openUploads() }.filter { row in
            let used = uploads.withLock { $0[row.id]?.usedUnixMs } ?? row.usedUnixMs
            return max(used, row.usedUnixMs) < before
        }
        var dropped = 0
        for row in idle {
            guard let stored = try metadata.read({ try $0.upload(id: row.id) }),
                stored.serverID == serverID, stored.version == nil
            else { continue }
            try abort(uploadID: stored.id, principal: stored.principal)
            dropped += 1
        }
        return dropped
    }

    /// The upload's row, which may have been altered. It decides nothing but which rows an abort
    /// removes and which grant a caller needs to be told that it was altered.
    func uncheckedUpload(_ id: String, principal: String) throws -> StoredUpload {
        let stored = try metadata.read { try $0.upload(id: id) }
        guard let stored, stored.principal == principal else { throw Upload.unknown(id) }
        return stored
    }

    /// Removes an upload whose rows were altered or whose key cannot be opened.
    ///
    /// The blobs are left to the collection: rows that were altered may name another version's.
    private func dropUnreadable(_ stored: StoredUpload) throws {
        try metadata.write { transaction in
            try transaction.deleteUpload(id: stored.id)
            try transaction.deleteUploadKey(bundleID: stored.bundleID)
        }
        // What cannot be removed now is removed at the next start.
        try? blobs.removeUpload(stored.id)
    }

    /// Removes an upload's rows and then its bytes. A crash in between leaves bytes that no row
    /// refers to, under a key that no longer exists.
    func drop(_ upload: Upload) throws {
        upload.enter(.committing)
        // Each file's lock is taken once: a chunk that was let in before has then ended.
        for file in upload.files { _ = file.nextOffset }
        let finished = try metadata.read { try $0.uploadFiles(id: upload.stored.id) }
            .filter { try upload.mac.holds(for: $1, index: $0, upload: upload.stored.id) }
        do {
            try metadata.write { transaction in
                try transaction.deleteUpload(id: upload.stored.id)
                try transaction.deleteUploadKey(bundleID: upload.stored.bundleID)
            }
        } catch {
            upload.enter(.open)
            throw error
        }
        upload.enter(.ended)
        var digests = Set(finished.values.map(\.file.sealedSHA256))
        for file in upload.files {
            if let digest = file.reset() { digests.insert(digest) }
        }
        end(upload)
        for digest in digests {
            try? blobs.remove(digest)
        }
    }

    /// Forgets an upload that was committed or dropped.
    func end(_ upload: Upload) {
        upload.enter(.ended)
        uploads.withLock { _ = $0.removeValue(forKey: upload.stored.id) }
        // Nothing unfinished is in it; what cannot be removed now is removed at the next start.
        try? blobs.removeUpload(upload.stored.id)
    }
}
