internal import Sealing

/// Blobs as files of a folder: `blobs/<first 2 hex>/<64 hex>`, unfinished ones as
/// `uploads/<upload>/<index>`.
final class FolderBlobStore: BlobStore {
    private let blobs: String
    private let uploads: String
    private let files: any FileCalls
    private let folder: StoreFolder
    private let folders: BlobFolders
    private let fault: StorageFault
    private let steps: Steps
    private let openFiles = OpenFileBudget(limit: Limits.maxOpenFiles)

    /// Uses, and makes where missing, the folders of `layout`.
    init(layout: RegistryLayout, fault: StorageFault, steps: Steps) throws {
        blobs = layout.blobsPath
        uploads = layout.uploadsPath
        files = layout.files
        folder = layout.folder
        folders = BlobFolders(layout, fault: fault)
        self.fault = fault
        self.steps = steps
        try folder.makeDurable(layout.blobsPath)
        try folder.make(uploads)
    }

    func create(upload: String, index: Int) throws -> any BlobWriter {
        try fault.check()
        let place = "\(uploads)/\(upload)"
        try folder.make(place)
        let path = "\(place)/\(index)"
        try folder.remove(path)
        return try FolderBlobWriter(
            path: path,
            files: files,
            folders: folders,
            openFiles: openFiles,
            fault: fault,
            steps: steps
        )
    }

    func open(_ digest: [UInt8]) throws -> any BlobReader {
        try FolderBlobs(folder: blobs, files: files).open(digest)
    }

    func byteCount(of digest: [UInt8]) throws -> UInt64? {
        try StoreFile.reading(folders.path(of: digest), files)?.byteCount()
    }

    func remove(_ digest: [UInt8]) throws {
        try folder.remove(folders.path(of: digest))
    }

    func removeUpload(_ upload: String) throws {
        try folder.removeFlat("\(uploads)/\(upload)")
    }

    func eachName(_ body: ([UInt8]) throws -> Void) throws {
        for prefix in try folder.names(in: blobs) where prefix.utf8.count == 2 {
            for name in try folder.names(in: "\(blobs)/\(prefix)") where name.hasPrefix(prefix) {
                guard let digest = Hex.decode(name), digest.count == Digest.byteCount else {
                    continue
                }
                try body(digest)
            }
        }
    }

    func byteCount(ofUpload upload: String) throws -> UInt64 {
        let place = "\(uploads)/\(upload)"
        return try folder.names(in: place).reduce(0) { sum, name in
            sum + (try StoreFile.reading("\(place)/\(name)", files)?.byteCount() ?? 0)
        }
    }

    func unfinishedUploads() throws -> [String] {
        try folder.names(in: uploads)
    }
}
