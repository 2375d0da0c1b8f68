internal import Sealing

/// Blobs as files of a folder: `blobs/<first 2 hex>/<64 hex>`, unfinished ones as
/// `uploads/<upload>/<index>`.
final class FolderBlobStore: BlobStore {
    private let blobs: String
    private let uploads: String
    private let files: any FileCalls
    private let folder: StoreFolder
    private let steps: Steps
    private let openFiles = OpenFileBudget(limit: Limits.maxOpenFiles)

    /// Uses, and makes where missing, the folders of `layout`.
    init(layout: RegistryLayout, steps: Steps) throws {
        blobs = layout.blobsPath
        uploads = layout.uploadsPath
        files = layout.files
        folder = layout.folder
        self.steps = steps
        try folder.make(blobs)
        try folder.make(uploads)
    }

    func create(upload: String, index: Int) throws -> any BlobWriter {
        let place = "\(uploads)/\(upload)"
        try folder.make(place)
        let path = "\(place)/\(index)"
        try folder.remove(path)
        return try FolderBlobWriter(
            path: path,
            blobs: blobs,
            files: files,
            openFiles: openFiles,
            steps: steps
        )
    }

    func open(_ digest: [UInt8]) throws -> any BlobReader {
        let path = FolderBlobStore.path(of: digest, in: blobs)
        guard let file = try StoreFile.reading(path, files) else {
            throw RegistryError(
                .dataLoss,
                "a stored file is missing",
                detail: "\(path) is not there"
            )
        }
        return try FolderBlobReader(file)
    }

    func byteCount(of digest: [UInt8]) throws -> UInt64? {
        try StoreFile.reading(FolderBlobStore.path(of: digest, in: blobs), files)?.byteCount()
    }

    func remove(_ digest: [UInt8]) throws {
        try folder.remove(FolderBlobStore.path(of: digest, in: blobs))
    }

    func removeUpload(_ upload: String) throws {
        try folder.removeFlat("\(uploads)/\(upload)")
    }

    func unfinishedUploads() throws -> [String] {
        try folder.names(in: uploads)
    }

    /// Where a blob lies.
    static func path(of digest: [UInt8], in blobs: String) -> String {
        let name = Hex.encode(digest)
        return "\(blobs)/\(name.prefix(2))/\(name)"
    }
}
