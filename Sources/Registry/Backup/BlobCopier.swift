internal import Sealing
internal import Text

/// Brings blobs from one folder of blobs into another, each hashed on its way.
struct BlobCopier {
    /// The folders of blobs.
    let source: String
    let target: String
    /// A name beside the target, for the one blob that is on its way.
    let draft: String
    /// The folders whose names are not durable yet.
    private var touched: Set<String> = []

    init(from source: String, to target: String, draft: String) {
        self.source = source
        self.target = target
        self.draft = draft
    }

    /// Whether a blob lies in the target, with the right length and, if asked for, the right
    /// bytes.
    func holds(_ file: VersionRecord.File, isHashed: Bool) throws -> Bool {
        let path = BlobFolders.path(of: file.sealedSHA256, in: target)
        guard isHashed else {
            return try StoreFile.reading(path, SystemCalls())?.byteCount() == file.sealedBytes
        }
        guard let held = try FileDigest(of: path) else { return false }
        return held.byteCount == file.sealedBytes && held.sha256 == file.sealedSHA256
    }

    /// Copies a blob, in place of what may be there under its name.
    ///
    /// - Throws: `dataLoss` if it is missing, or not what its name says.
    mutating func copy(_ file: VersionRecord.File, progress: (UInt64) -> Void) throws {
        try StoreFolder.system.remove(draft)
        let from = BlobFolders.path(of: file.sealedSHA256, in: source)
        guard let copied = try FileDigest(copying: from, to: draft, progress: progress) else {
            throw RegistryError(.dataLoss, "its stored file is missing", detail: from)
        }
        guard copied.byteCount == file.sealedBytes, copied.sha256 == file.sealedSHA256 else {
            try StoreFolder.system.remove(draft)
            throw RegistryError(
                .dataLoss,
                "its stored file is damaged",
                detail: "\(from): \(copied.byteCount) bytes of SHA-256 "
                    + "\(Hex.encode(copied.sha256)), expected \(file.sealedBytes)"
            )
        }
        let to = BlobFolders.path(of: file.sealedSHA256, in: target)
        let folder = StoreFolder.parent(of: to)
        try StoreFolder.system.makeDurable(folder)
        try StoreFolder.system.replace(draft, to: to)
        touched.insert(folder)
    }

    /// Makes the names of all copied blobs durable.
    mutating func sync() throws {
        for folder in touched { try StoreFolder.system.sync(folder) }
        touched = []
    }
}

extension RegistryError {
    /// The error with the file that it is about.
    func placed(_ record: VersionRecord, _ file: VersionRecord.File) -> RegistryError {
        RegistryError(
            code,
            "model \(quoted(record.model)), version \(record.version), file "
                + "\(quoted(file.path)): \(message)",
            detail: detail
        )
    }
}
