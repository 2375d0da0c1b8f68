internal import Sealing
internal import Text

/// The migration of a registry from a former format to the present one, in one transaction: a
/// crash at any instant leaves the one or the other.
///
/// Format 2 authenticates the rows of uploads with their data keys. The migration makes the codes
/// of the rows that agree with what format 1 has to compare them with: the digest of their files
/// and metadata and, for a committed upload, the signed record of its version. Any other row gets
/// an empty code, which never holds: such an upload is refused and named as altered, and the rest
/// of the registry is served.
package struct Migration: Sendable, Equatable {
    /// The number of the former format.
    package let from: Int
    /// The number of the present format.
    package let to: Int
    /// The uploads whose rows did not agree.
    package internal(set) var refusedUploads: [String] = []

    /// Migrates a registry that a start has checked.
    ///
    /// - Returns: `nil` for a registry of the present format.
    /// - Throws: `dataLoss` for a schema that is not the former format's. Nothing was changed then.
    static func run(
        _ metadata: MetadataStore,
        keys: any KeyProvider,
        registryID: [UInt8],
        publicKey: VerifyingKey
    ) throws -> Migration? {
        guard metadata.format.isFormer else { return nil }
        let former = metadata.format
        return try metadata.migrate { transaction in
            var migration = Migration(from: former.number, to: DatabaseFormat.current.number)
            let digests = try transaction.uploadDigests()
            try transaction.rebuildFormerTables(former)
            let rows = UploadRows(keys: keys, registryID: registryID, publicKey: publicKey)
            for (id, digest) in digests {
                guard try !rows.authenticate(id, digest: digest, in: transaction) else { continue }
                migration.refusedUploads.append(id)
            }
            return migration
        }
    }

    /// The rows of uploads, which have no codes yet.
    private struct UploadRows {
        let keys: any KeyProvider
        let registryID: [UInt8]
        let publicKey: VerifyingKey

        /// Makes the codes of one upload and its finished files.
        ///
        /// - Returns: False if a row is damaged or does not agree. A failure of the database or of
        ///   the keys is thrown: it says nothing about the row.
        func authenticate(
            _ id: String,
            digest: [UInt8],
            in transaction: MetadataTransaction
        ) throws -> Bool {
            do {
                guard let upload = try transaction.upload(id: id), upload.contentsSHA256 == digest,
                    try isOfRecord(upload, transaction),
                    let key = try dataKey(of: upload, transaction)
                else { return false }
                let mac = try UploadMAC(dataKey: key, bundleID: upload.bundleID)
                for (index, row) in try transaction.uploadFiles(id: id) {
                    let code = try mac.code(of: row.file, index: index, upload: id)
                    try transaction.setCode(of: id, file: index, code)
                }
                try transaction.setCode(of: id, try mac.code(of: upload))
                return true
            } catch let error as RegistryError where error.code == .dataLoss {
                return false
            } catch let error as SealingError
                where error.code == .authentication || error.code == .format
            {
                return false
            }
        }

        /// Whether an open upload's bundle is no version's, and a committed one is what the signed
        /// record of its version says.
        private func isOfRecord(
            _ upload: StoredUpload,
            _ transaction: MetadataTransaction
        ) throws -> Bool {
            guard let stored = try transaction.version(bundleID: upload.bundleID) else {
                return upload.version == nil
            }
            return try stored.info.version == upload.version
                && stored.verified(registryID: registryID, key: publicKey).states(upload)
        }

        private func dataKey(
            of upload: StoredUpload,
            _ transaction: MetadataTransaction
        ) throws -> SecretKey? {
            guard let wrapped = try transaction.wrappedKey(bundleID: upload.bundleID)
            else { return nil }
            return try keys.unwrap(
                wrapped,
                context: WrapContext(
                    registryID: registryID,
                    model: upload.model,
                    bundleID: upload.bundleID
                )
            )
        }
    }
}

extension Migration: CustomStringConvertible {
    /// The operator's one line.
    package var description: String {
        let done = "the registry was migrated from format \(from) to format \(to)"
        guard !refusedUploads.isEmpty else { return done }
        let ids = refusedUploads.prefix(Limits.maxNamedFindings).map { excerpt($0) }
        return "\(done); rows of \(refusedUploads.count) uploads do not agree and are refused as "
            + "altered: \(ids.joined(separator: ", "))"
    }
}

extension VersionRecord {
    /// Whether an upload became this version: all that the record states of it agrees.
    fileprivate func states(_ upload: StoredUpload) -> Bool {
        guard model == upload.model, bundleID == upload.bundleID, createdBy == upload.principal,
            metadata == upload.metadata
        else { return false }
        var left = Dictionary(files.map { ($0.path, $0) }, uniquingKeysWith: { first, _ in first })
        for file in upload.files {
            guard let stored = left.removeValue(forKey: file.path), stored.size == file.size,
                stored.sha256 == file.sha256
            else { return false }
        }
        // The server writes the card of a bundle without one.
        return left.keys.allSatisfy { $0 == Card.path }
    }
}

extension StoredUpload {
    /// The digest that format 1 has of an upload's files and metadata.
    fileprivate var contentsSHA256: [UInt8] {
        let contents = CanonicalValue.object([
            "files": BundleFile.canonical(files),
            "metadata": .object(metadata.mapValues { .string($0.text) }),
        ])
        return Digest.sha256(contents.encoded())
    }
}
