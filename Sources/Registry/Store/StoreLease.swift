/// Keeps sealed files from being collected while another process reads them.
///
/// Whoever reads blobs without being the server (a backup, a verification) shares the lease;
/// the collection takes it alone, for the moment in which it removes files.
final class StoreLease: Sendable {
    private let file: StoreFile

    /// Takes the lease, and waits while another holds it the other way.
    ///
    /// - Parameter isShared: Whether other readers may hold it too.
    init(_ layout: RegistryLayout, isShared: Bool) throws {
        let path = layout.leasePath
        file = try StoreFile(openingOrCreating: path, layout.files)
        try file.lock(isShared: isShared)
    }

    /// Takes the lease alone if nobody holds it; `nil` if a reader does.
    static func tryExclusive(_ layout: RegistryLayout) throws -> StoreLease? {
        let file = try StoreFile(openingOrCreating: layout.leasePath, layout.files)
        guard try file.tryLock() else { return nil }
        return StoreLease(file)
    }

    private init(_ file: consuming StoreFile) {
        self.file = file
    }

    deinit {
        // As for the store's lock: a child between fork and exec would keep it.
        file.unlock()
    }
}
