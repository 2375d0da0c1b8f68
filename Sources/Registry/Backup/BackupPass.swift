/// One walk over the files of all versions.
struct BackupPass {
    let options: RegistryBackup.Options
    var copier: BlobCopier
    /// What there is to do, and what of it had to be copied.
    var contents = BackupContents()
    var copied = BackupContents()
    /// The first bytes of the digests of all blobs that are needed: enough to tell what is not,
    /// in a quarter of the memory. Two that agree in them keep a blob too many.
    var kept: Set<UInt64> = []
    private var doneBytes: UInt64 = 0

    init(options: RegistryBackup.Options, copier: BlobCopier) {
        self.options = options
        self.copier = copier
    }

    mutating func copyFiles(
        of record: VersionRecord,
        progress: (UInt64, UInt64) -> Void
    ) throws {
        for file in record.files {
            if options.contains(.prune) { kept.insert(file.sealedSHA256.firstEightBytes) }
            let start = doneBytes
            if try !copier.holds(file, isHashed: options.contains(.verify)) {
                do {
                    var done = start
                    try copier.copy(file) { bytes in
                        done += bytes
                        progress(done, contents.bytes)
                    }
                } catch let error as RegistryError where error.code == .dataLoss {
                    throw error.placed(record, file)
                }
                copied.blobs += 1
                copied.bytes += file.sealedBytes
            }
            doneBytes = start + file.sealedBytes
            progress(doneBytes, contents.bytes)
        }
    }
}

extension [UInt8] {
    /// The start of a digest as a number.
    var firstEightBytes: UInt64 {
        prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
    }
}
