internal import Sealing

/// Writes one unfinished blob, and at the end gives it its name.
final class FolderBlobWriter: BlobWriter {
    private let path: String
    private let files: any FileCalls
    private let folders: BlobFolders
    private let openFiles: OpenFileBudget
    private let fault: StorageFault
    private let steps: Steps
    private var offset: UInt64 = 0
    /// Open while this writer holds a place of the budget.
    private var file: StoreFile?

    init(
        path: String,
        files: any FileCalls,
        folders: BlobFolders,
        openFiles: OpenFileBudget,
        fault: StorageFault,
        steps: Steps
    ) throws {
        self.path = path
        self.files = files
        self.folders = folders
        self.openFiles = openFiles
        self.fault = fault
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
        try fault.check()
        try steps.reach(.chunkWrite)
        try withFile { file throws(RegistryError) in try file.write(bytes, at: offset) }
        offset += UInt64(bytes.byteCount)
    }

    func finish(digest: [UInt8]) throws {
        try steps.reach(.blobSync)
        try withFile { file throws(RegistryError) in try sync(file) }
        try release()
        try folders.take(path, as: digest, steps: steps)
    }

    func discard() {
        try? release()
        // What cannot be removed now is removed when the upload ends, or at the next start.
        try? StoreFolder(files).remove(path)
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

    /// A full store costs this blob, which is written anew when there is room; any other failure
    /// is one of the storage.
    private func sync(_ file: borrowing StoreFile) throws(RegistryError) {
        do {
            try file.sync()
        } catch {
            if error.code != .resourceExhausted { fault.set(error.detail) }
            throw error
        }
    }

    private func release() throws(RegistryError) {
        guard let open = file.take() else { return }
        openFiles.giveBack()
        try open.close()
    }
}
