internal import Sealing
internal import Synchronization

/// The folders that finished blobs lie in: `blobs/<first 2 hex>`.
final class BlobFolders: Sendable {
    /// The folder of those folders.
    private let path: String
    private let folder: StoreFolder
    private let fault: StorageFault
    /// Those whose own names this process has made durable. That one is there says nothing: an
    /// earlier process may have ended before its sync.
    private let durable = Mutex<Set<String>>([])

    init(_ layout: RegistryLayout, fault: StorageFault) {
        path = layout.blobsPath
        folder = layout.folder
        self.fault = fault
    }

    /// Where a blob lies.
    func path(of digest: [UInt8]) -> String { BlobFolders.path(of: digest, in: path) }

    /// Where a blob lies in a folder of blobs.
    static func path(of digest: [UInt8], in blobs: String) -> String {
        let name = Hex.encode(digest)
        return "\(blobs)/\(name.prefix(2))/\(name)"
    }

    /// Gives a finished and synced file its place, durably.
    func take(_ unfinished: String, as digest: [UInt8], steps: Steps) throws {
        let target = path(of: digest)
        let parent = StoreFolder.parent(of: target)
        try make(parent)
        try steps.reach(.blobLink)
        try folder.renameNew(unfinished, to: target)
        try steps.reach(.folderSync)
        try sync(parent)
    }

    private func make(_ parent: String) throws(RegistryError) {
        guard !durable.withLock({ $0.contains(parent) }) else { return }
        try folder.make(parent)
        try sync(path)
        durable.withLock { _ = $0.insert(parent) }
    }

    /// A folder cannot be written anew as a file can: after a failed sync a second one would
    /// vouch for names that are lost.
    private func sync(_ path: String) throws(RegistryError) {
        do {
            try folder.sync(path)
        } catch {
            fault.set(error.detail)
            throw error
        }
    }
}
