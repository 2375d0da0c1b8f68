/// The lock that keeps a second process away from a store, held until released.
final class StoreLock: Sendable {
    private let file: StoreFile

    /// Takes the lock, without waiting.
    init(_ layout: RegistryLayout) throws {
        guard try layout.folder.exists(layout.store) else {
            throw RegistryError(
                .unavailable,
                "there is no registry here",
                detail: "\(layout.store) does not exist"
            )
        }
        let path = layout.lockPath
        let file: StoreFile
        if try layout.folder.exists(path) {
            file = try StoreFile(writing: path, layout.files)
        } else {
            file = try StoreFile(creating: path, layout.files)
        }
        guard try file.tryLock() else {
            throw RegistryError(
                .unavailable,
                "another process has this registry open",
                detail: "\(path) is locked"
            )
        }
        self.file = file
    }

    deinit {
        // Closing alone would leave the lock with a child process that is between fork and exec.
        file.unlock()
    }
}
