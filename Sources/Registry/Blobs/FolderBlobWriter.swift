internal import Sealing

/// Writes one unfinished blob, and at the end gives it its name.
final class FolderBlobWriter: BlobWriter {
    private let path: String
    private let blobs: String
    private let files: any FileCalls
    private let folder: StoreFolder
    private let openFiles: OpenFileBudget
    private let steps: Steps
    private var offset: UInt64 = 0
    /// Open while this writer holds a place of the budget.
    private var file: StoreFile?

    init(
        path: String,
        blobs: String,
        files: any FileCalls,
        openFiles: OpenFileBudget,
        steps: Steps
    ) throws {
        self.path = path
        self.blobs = blobs
        self.files = files
        folder = StoreFolder(files)
        self.openFiles = openFiles
        self.steps = steps
        let created = try StoreFile(creating: path, files)
        if openFiles.tryTake() {
            file = consume created
        } else {
            try created.close()
        }
    }

    deinit {
        if file != nil { openFiles.giveBack() }
    }

    func append(_ bytes: RawSpan) throws {
        try steps.reach(.chunkWrite)
        try withFile { file throws(RegistryError) in try file.write(bytes, at: offset) }
        offset += UInt64(bytes.byteCount)
    }

    func finish(digest: [UInt8]) throws {
        try steps.reach(.blobSync)
        try withFile { file throws(RegistryError) in try file.sync() }
        try release()
        let target = FolderBlobStore.path(of: digest, in: blobs)
        let parent = StoreFolder.parent(of: target)
        try folder.make(parent)
        try steps.reach(.blobLink)
        try folder.renameNew(path, to: target)
        try steps.reach(.folderSync)
        try folder.sync(parent)
    }

    func discard() {
        try? release()
        // What cannot be removed now is removed when the upload ends, or at the next start.
        try? folder.remove(path)
    }

    /// Lends the open file, or one that is opened for this call. A write that failed in the
    /// kernel after such a file was closed is reported by the next sync of the same file.
    private func withFile(
        _ body: (borrowing StoreFile) throws(RegistryError) -> Void
    ) throws(RegistryError) {
        if file != nil {
            try lend(body)
        } else {
            let opened = try StoreFile(writing: path, files)
            try body(opened)
            try opened.close()
        }
    }

    private func lend(
        _ body: (borrowing StoreFile) throws(RegistryError) -> Void
    ) throws(RegistryError) {
        switch file {
        case .some(let file): try body(file)
        case .none: return
        }
    }

    private func release() throws(RegistryError) {
        guard let open = file.take() else { return }
        openFiles.giveBack()
        try open.close()
    }
}
