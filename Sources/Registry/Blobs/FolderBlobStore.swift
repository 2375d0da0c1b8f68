internal import Sealing
internal import Synchronization

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
                .dataLoss, "a stored file is missing", detail: "\(path) is not there")
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

    func unfinishedUploads() throws -> [String] {
        try StoreFolder.names(in: uploads)
    }

    /// Where a blob lies.
    static func path(of digest: [UInt8], in blobs: String) -> String {
        let name = Hex.encode(digest)
        return "\(blobs)/\(name.prefix(2))/\(name)"
    }
}

/// How many unfinished blobs may keep their files open. A publisher may have all files of a
/// bundle in flight at once; past this number files are opened for each write.
final class OpenFileBudget: Sendable {
    private let free: Mutex<Int>

    init(limit: Int) {
        free = Mutex(limit)
    }

    /// Takes a place, if there is one.
    func tryTake() -> Bool {
        free.withLock { free in
            guard free > 0 else { return false }
            free -= 1
            return true
        }
    }

    /// Gives a place back.
    func giveBack() {
        free.withLock { $0 += 1 }
    }
}
