internal import Sealing
internal import Text

extension PublishRequest {
    /// Refuses a request that could never be committed.
    ///
    /// - Throws: `invalidArgument` that names what was wrong and what is allowed.
    func check(principal: String) throws(RegistryError) {
        try Name.check(model, of: "model")
        guard idempotencyKey.utf8.count <= Limits.maxIdempotencyKeyBytes,
            !idempotencyKey.utf8.contains(0)
        else {
            throw RegistryError(
                .invalidArgument,
                "idempotency key: \(idempotencyKey.utf8.count) bytes, at most "
                    + "\(Limits.maxIdempotencyKeyBytes) without a NUL are allowed"
            )
        }
        try checkMetadata()
        try checkFiles()
        let recordBytes = largestRecord(principal: principal).encoded().count
        guard recordBytes <= Limits.maxRecordBytes else {
            throw RegistryError(
                .invalidArgument,
                "files and metadata make a version record of \(recordBytes) bytes, at most "
                    + "\(Limits.maxRecordBytes) are allowed"
            )
        }
    }

    /// Whether the server has to write the card; the path of the model file is its entry.
    ///
    /// - Throws: `invalidArgument` for a bundle that has no card and not exactly one model file.
    func serverCard() throws(RegistryError) -> [UInt8]? {
        if files.contains(where: { $0.path == Card.path }) { return nil }
        let models = files.filter { $0.path.hasSuffix(".onnx") }
        guard models.count == 1, let model = models.first else {
            throw RegistryError(
                .invalidArgument,
                "a bundle without \(Card.path) has exactly one .onnx file, and this one has "
                    + "\(models.count)"
            )
        }
        return Array(Card.defaultText(entry: model.path).utf8)
    }

    private func checkMetadata() throws(RegistryError) {
        guard metadata.count <= Limits.maxMetadataPairs else {
            throw RegistryError(
                .invalidArgument,
                "metadata: \(metadata.count) pairs, at most \(Limits.maxMetadataPairs) are allowed"
            )
        }
        let bytes = metadata.reduce(0) { $0 + $1.key.utf8.count + $1.value.utf8.count }
        guard bytes <= Limits.maxMetadataBytes else {
            throw RegistryError(
                .invalidArgument,
                "metadata: \(bytes) bytes, at most \(Limits.maxMetadataBytes) are allowed"
            )
        }
        guard metadata[""] == nil else {
            throw RegistryError(.invalidArgument, "metadata: an empty key")
        }
    }

    private func checkFiles() throws(RegistryError) {
        guard (1...Limits.maxBundleFiles).contains(files.count) else {
            throw RegistryError(
                .invalidArgument,
                "\(files.count) files, 1 to \(Limits.maxBundleFiles) are allowed"
            )
        }
        let pathBytes = files.reduce(0) { $0 + $1.path.utf8.count }
        guard pathBytes <= Limits.maxAllPathsBytes else {
            throw RegistryError(
                .invalidArgument,
                "all paths together: \(pathBytes) bytes, at most \(Limits.maxAllPathsBytes) are "
                    + "allowed"
            )
        }
        var paths: Set<ExactString> = []
        for file in files {
            try BundlePath.check(file.path)
            guard paths.insert(file.path).inserted else {
                throw RegistryError(
                    .invalidArgument,
                    "file \(quoted(file.path)): the path is there twice"
                )
            }
            guard file.size <= Limits.maxFileBytes else {
                throw RegistryError(
                    .invalidArgument,
                    "file \(quoted(file.path)): \(file.size) bytes, at most "
                        + "\(Limits.maxFileBytes) are "
                        + "allowed"
                )
            }
            guard file.path != Card.path || file.size <= UInt64(Limits.maxCardBytes) else {
                throw RegistryError(
                    .invalidArgument,
                    "file \(quoted(file.path)): \(file.size) bytes, at most "
                        + "\(Limits.maxCardBytes) are "
                        + "allowed"
                )
            }
            guard file.sha256.count == Digest.byteCount else {
                throw RegistryError(
                    .invalidArgument,
                    "file \(quoted(file.path)): a SHA-256 of \(file.sha256.count) bytes, expected "
                        + "\(Digest.byteCount)"
                )
            }
        }
        if let mistaken = CardFileName.mistaken(among: files.lazy.map(\.path)) {
            throw RegistryError(.invalidArgument, CardFileName.refusal(of: mistaken))
        }
        for file in files {
            if let folder = BundlePath.folders(of: file.path).first(where: { paths.contains($0) }) {
                throw RegistryError(
                    .invalidArgument,
                    "file \(quoted(file.path)): \(quoted(folder)) is a file and not a folder"
                )
            }
        }
    }

    /// The record that this request would make, with numbers as long as they can get.
    private func largestRecord(principal: String) -> VersionRecord {
        let digest = [UInt8](repeating: 0, count: Digest.byteCount)
        let id = [UInt8](repeating: 0, count: SealingLimits.idBytes)
        let cardFile = BundleFile(
            path: Card.path,
            size: UInt64(Limits.maxCardBytes),
            sha256: digest
        )
        let all = files.contains { $0.path == Card.path } ? files : files + [cardFile]
        return VersionRecord(
            registryID: id,
            model: model,
            version: UInt64(Int64.max),
            bundleID: id,
            createdBy: principal,
            createdUnixMs: .max,
            cardSHA256: digest,
            metadata: metadata,
            files: all.map { file in
                VersionRecord.File(
                    path: file.path,
                    size: file.size,
                    sha256: digest,
                    sealedBytes: file.size + (file.size >> 10) + 1_000,
                    sealedSHA256: digest,
                    commitment: digest
                )
            },
            previousSHA256: digest,
            sequence: UInt64(Int64.max)
        )
    }
}
