internal import Synchronization

extension Registry {
    /// Frees blobs and folders of uploads that no version, no open upload and no version that
    /// this process has opened refers to. The blobs of deleted versions are among them.
    ///
    /// It runs beside publishes, loads and deletions. What it sees first are the names, then the
    /// blobs that have a name and no row yet, then the rows, and at last the versions in use: each
    /// list is older than the next, so that whatever comes to be in between is not among the
    /// names, and whatever is in use is in one of the others.
    ///
    /// A blob is unlinked, and not moved aside before: whoever has it open reads it to its end,
    /// nobody opens it anew since nothing names it, and a crash leaves it there or gone. A name
    /// that comes back after a loss of power is freed by the next collection.
    ///
    /// - Parameters:
    ///   - apply: False: only say what would be freed.
    ///   - principal: Who is said to have done it in the audit log, if something was freed.
    /// - Throws: `dataLoss` for a record that cannot be trusted, or for any row that was changed by
    ///   others: which blobs are in use is not known then, so none is freed; `resourceExhausted` while another process reads the blobs.
    package func collect(
        apply: Bool,
        principal: String = AuditAction.serverPrincipal
    ) throws -> Collected {
        try collecting.withLock { _ in
            var garbage = try findGarbage()
            guard apply, !garbage.collected.isEmpty else { return garbage.collected }
            try storageFault.check()
            guard let lease = try StoreLease.tryExclusive(layout) else {
                throw RegistryError(
                    .resourceExhausted,
                    "a backup or a verification reads the store: nothing was freed, try again "
                        + "when it is done"
                )
            }
            withExtendedLifetime(lease) { remove(&garbage) }
            let collected = garbage.collected
            guard collected.failed < collected.blobs + collected.uploads else { return collected }
            try change { change in
                try change.log(
                    AuditAction.collect,
                    principal: principal,
                    model: "",
                    detail: "\(collected.blobs) blobs, \(collected.blobBytes) bytes; "
                        + "\(collected.uploads) uploads, \(collected.uploadBytes) bytes; "
                        + "\(collected.failed) could not be removed"
                )
            }
            return collected
        }
    }

    /// What nothing refers to.
    private struct Garbage {
        var blobs: [BlobKey] = []
        var uploads: [String] = []
        var collected = Collected()
    }

    private func findGarbage() throws -> Garbage {
        var names: Set<BlobKey> = []
        try blobs.eachName { names.insert(BlobKey($0)) }
        let folders = try blobs.unfinishedUploads()
        for digest in leases.pending { names.remove(BlobKey(digest)) }
        let openUploads = try confirmedCatalogue { transaction in
            try transaction.eachKeptVersion { stored in
                for file in try verified(stored).files {
                    names.remove(BlobKey(file.sealedSHA256))
                }
            }
            try transaction.eachUploadedBlob { names.remove(BlobKey($0)) }
            return Set(try transaction.openUploads().map(\.id))
        }
        // A version that was deleted and is still in use. A record never changes.
        for bundle in leases.bundles {
            guard let stored = try metadata.read({ try $0.version(bundleID: bundle) }) else {
                continue
            }
            for file in try verified(stored).files { names.remove(BlobKey(file.sealedSHA256)) }
        }
        var garbage = Garbage()
        garbage.blobs = Array(names)
        garbage.uploads = folders.filter { !openUploads.contains($0) }
        for blob in garbage.blobs {
            garbage.collected.blobs += 1
            garbage.collected.blobBytes += (try? blobs.byteCount(of: blob.digest)) ?? 0
        }
        for upload in garbage.uploads {
            garbage.collected.uploads += 1
            garbage.collected.uploadBytes += (try? blobs.byteCount(ofUpload: upload)) ?? 0
        }
        return garbage
    }

    private func remove(_ garbage: inout Garbage) {
        for blob in garbage.blobs {
            do {
                try blobs.remove(blob.digest)
            } catch {
                garbage.collected.failed += 1
            }
        }
        for upload in garbage.uploads {
            do {
                try blobs.removeUpload(upload)
            } catch {
                garbage.collected.failed += 1
            }
        }
    }
}
