internal import Sealing

/// Where the backup of one registry lies: laid out as a home is, without what a home keeps
/// secret.
struct BackupFolder: Sendable {
    private static let idName = "registry-id"
    private static let manifestName = "backup.json"
    private static let newSuffix = ".new"
    /// What a new volume has in its root, and what a first backup that was cut short may leave.
    private static let ignoredNames = ["lost+found", idName + newSuffix]

    let path: String
    /// `store` and `keys` of the backup.
    let layout: RegistryLayout

    init(_ path: String) {
        self.path = path
        layout = RegistryLayout(home: path)
    }

    private var idPath: String { "\(path)/\(BackupFolder.idName)" }
    var manifestPath: String { "\(path)/\(BackupFolder.manifestName)" }
    var keysPath: String { path + "/keys" }
    var publicKeyPath: String { keysPath + "/signing.pub.pem" }
    /// The next database, before it replaces the present one; also its manifest.
    var newDatabasePath: String { layout.databasePath + BackupFolder.newSuffix }
    var newManifestPath: String { manifestPath + BackupFolder.newSuffix }

    /// The registry that this is the backup of; `nil` if it is no backup.
    func registryID() throws -> [UInt8]? {
        let digits = SealingLimits.idBytes * 2
        guard try StoreFolder.system.exists(path),
            let text = try StoreFolder.system.readText(idPath, maxBytes: digits + 1)
        else { return nil }
        guard text.hasSuffix("\n"), let id = Hex.decode(String(text.dropLast())),
            id.count == SealingLimits.idBytes
        else {
            throw RegistryError(
                .failedPrecondition,
                "the folder does not say whose backup it is",
                detail: "\(idPath): expected \(digits) hex digits and a line feed"
            )
        }
        return id
    }

    /// Makes the folder the backup of a registry, if it is not yet.
    ///
    /// - Throws: `failedPrecondition` if it holds something else or another registry's backup.
    func claim(for id: [UInt8]) throws {
        if let present = try registryID() {
            guard present == id else {
                throw RegistryError(
                    .failedPrecondition,
                    "the folder holds the backup of another registry",
                    detail: "\(path) is of \(Hex.encode(present)), this is \(Hex.encode(id))"
                )
            }
        } else {
            try StoreFolder.system.makeDurable(path)
            let other = try StoreFolder.system.names(in: path).first {
                !BackupFolder.ignoredNames.contains($0)
            }
            if let other {
                throw RegistryError(
                    .failedPrecondition,
                    "the folder is no backup and is not empty",
                    detail: "\(path) holds \(other)"
                )
            }
            // First of all: from now on the folder says what it is.
            try StoreFolder.system.replaceFile(idPath, with: Hex.encode(id) + "\n")
        }
        for folder in [layout.store, layout.blobsPath, keysPath] {
            try StoreFolder.system.makeDurable(folder)
        }
    }

    /// Takes the lock of a folder of this layout, whose holder is said to do `what`.
    static func lock(_ layout: RegistryLayout, _ what: String) throws -> StoreLock {
        do {
            return try StoreLock(layout)
        } catch let error as RegistryError where error.code == .unavailable {
            throw RegistryError(.unavailable, what, detail: error.detail)
        }
    }

    /// Puts the new database in the place of the old one, atomically. Its manifest lies beside
    /// it before that, so that at every instant one of the two is the database's.
    func replaceDatabase(_ manifest: BackupManifest) throws {
        try write(manifest.text, to: newManifestPath)
        try StoreFolder.system.sync(path)
        try StoreFolder.system.replace(newDatabasePath, to: layout.databasePath)
        try StoreFolder.system.sync(layout.store)
        try StoreFolder.system.replace(newManifestPath, to: manifestPath)
        try StoreFolder.system.sync(path)
    }

    /// Brings a backup to its end that was cut between its database and its manifest.
    func finishReplacing() throws {
        guard let next = try BackupManifest.read(newManifestPath),
            let database = try FileDigest(of: layout.databasePath),
            database.sha256 == next.databaseSHA256
        else { return }
        try StoreFolder.system.replace(newManifestPath, to: manifestPath)
        try StoreFolder.system.sync(path)
    }

    /// Refuses to replace a backup by an older state of its registry: whoever holds that may not
    /// know yet that it is one.
    func checkOlder(than head: CatalogueHead) throws {
        guard let present = try BackupManifest.read(manifestPath), present.sequence > head.sequence
        else { return }
        throw RegistryError(
            .failedPrecondition,
            "the backup is newer than the registry: its sequence is \(present.sequence), and the "
                + "registry's is \(head.sequence)",
            detail: "\(path) was left as it was"
        )
    }

    /// The manifest that is the database's.
    ///
    /// - Throws: `dataLoss` if there is none: the database is not the one that was written.
    func manifest(of database: FileDigest) throws -> BackupManifest {
        for path in [manifestPath, newManifestPath] {
            if let manifest = try BackupManifest.read(path),
                manifest.databaseSHA256 == database.sha256
            {
                return manifest
            }
        }
        throw RegistryError(
            .dataLoss,
            "the backup's database is damaged, or its manifest is",
            detail: "the SHA-256 of \(layout.databasePath) is not the one in \(manifestPath)"
        )
    }

    private func write(_ text: String, to path: String) throws {
        try StoreFolder.system.remove(path)
        let file = try StoreFile(creating: path, SystemCalls())
        try Array(text.utf8).withRawBytes { bytes throws(RegistryError) in
            try file.write(bytes, at: 0)
        }
        try file.sync()
        try file.close()
    }
}
