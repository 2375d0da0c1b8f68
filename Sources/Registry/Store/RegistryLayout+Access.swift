package import Platform
internal import Sealing

extension RegistryLayout {
    /// The folders and files of the registry that its trust rests on. Sealed files are not among
    /// them: their digests and keys authenticate them.
    package var judgedPaths: [JudgedPath] {
        let folders = [store, blobsPath, uploadsPath, loadsPath, quarantinePath]
        let files =
            MetadataStore.fileNames.map { databasePath + $0 }
            + [serverIDPath, lockPath, leasePath]
        return folders.map { JudgedPath($0, .folder) } + files.map { JudgedPath($0, .trusted) }
            + [
                JudgedPath(StoreFolder.parent(of: sequencePath), .folder),
                JudgedPath(sequencePath, .trusted), JudgedPath(formatPath, .trusted),
            ]
    }

    /// Refuses a registry whose folders or files others may write.
    ///
    /// - Throws: `unavailable` that names the file, what it is and what is expected.
    func checkAccess() throws(RegistryError) {
        for judged in judgedPaths {
            do {
                try files.trust.check(judged)
            } catch {
                throw RegistryError(.unavailable, "the registry is not used: \(error)")
            }
        }
    }
}
