internal import Sealing

/// Blobs as files of a folder: `blobs/<first 2 hex>/<64 hex>`, unfinished ones as
/// `uploads/<upload>/<index>`.
final class FolderBlobStore: BlobStore {
    private let blobs: String
    private let uploads: String
    private let steps: Steps
    private let openFiles = OpenFileBudget(limit: Limits.maxOpenFiles)

    /// Uses, and makes where missing, the folders of `layout`.
    init(layout: RegistryLayout, steps: Steps) throws {
        blobs = layout.blobsPath
        uploads = layout.uploadsPath
        self.steps = steps
        try StoreFolder.make(blobs)
        try StoreFolder.make(uploads)
    }

    func create(upload: String, index: Int) throws -> any BlobWriter {
        let folder = "\(uploads)/\(upload)"
        try StoreFolder.make(folder)
        let path = "\(folder)/\(index)"
        try StoreFolder.remove(path)
        return try FolderBlobWriter(path: path, blobs: blobs, openFiles: openFiles, steps: steps)
    }

    func open(_ digest: [UInt8]) throws -> any BlobReader {
        let path = FolderBlobStore.path(of: digest, in: blobs)
        guard let file = try StoreFile.reading(path) else {
            throw RegistryError(
                .dataLoss,
                "a stored file is missing",
                detail: "\(path) is not there"
            )
        }
        return try FolderBlobReader(file)
    }

    func byteCount(of digest: [UInt8]) throws -> UInt64? {
        try StoreFile.reading(FolderBlobStore.path(of: digest, in: blobs))?.byteCount()
    }

    func remove(_ digest: [UInt8]) throws {
        try StoreFolder.remove(FolderBlobStore.path(of: digest, in: blobs))
    }

    func removeUpload(_ upload: String) throws {
        try StoreFolder.removeFlat("\(uploads)/\(upload)")
    }

    func eachName(_ body: ([UInt8]) throws -> Void) throws {
        for folder in try StoreFolder.names(in: blobs) where folder.utf8.count == 2 {
            for name in try StoreFolder.names(in: "\(blobs)/\(folder)")
            where name.hasPrefix(folder) {
                guard let digest = Hex.decode(name), digest.count == Digest.byteCount else {
                    continue
                }
                try body(digest)
            }
        }
    }

    func byteCount(ofUpload upload: String) throws -> UInt64 {
        let folder = "\(uploads)/\(upload)"
        return try StoreFolder.names(in: folder).reduce(0) { sum, name in
            sum + (try StoreFile.reading("\(folder)/\(name)")?.byteCount() ?? 0)
        }
    }

    func unfinishedUploads() throws -> [String] {
        try StoreFolder.names(in: uploads)
    }

    /// Where a blob lies.
    static func path(of digest: [UInt8], in blobs: String) -> String {
        let name = Hex.encode(digest)
        return "\(blobs)/\(name.prefix(2))/\(name)"
    }
}
