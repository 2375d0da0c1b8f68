package import Sealing

/// Where a registry lives.
package struct RegistryLayout: Sendable {
    /// The folder of the database, the blobs, the uploads, the lock and the server's id.
    package let store: String
    /// The second place for the highest sequence seen. It lies with the keys and not in the
    /// store, so that an old copy of the store is noticed.
    package let sequencePath: String
    /// The calls that its files are read and written with.
    let files: any FileCalls

    static let lockName = "lock"

    /// Names the places.
    ///
    /// - Parameter files: The system's calls, but for tests of what happens when they fail.
    package init(store: String, sequencePath: String, files: any FileCalls = SystemCalls()) {
        self.store = store
        self.sequencePath = sequencePath
        self.files = files
    }

    /// The layout of a home folder: `HOME/store` and `HOME/keys/sequence`.
    package init(home: String, files: any FileCalls = SystemCalls()) {
        self.init(store: home + "/store", sequencePath: home + "/keys/sequence", files: files)
    }

    /// What is done to the folders and names.
    var folder: StoreFolder { StoreFolder(files) }

    var databasePath: String { store + "/registry.sqlite" }
    /// The second place for the highest registry format seen.
    var formatPath: String { StoreFolder.parent(of: sequencePath) + "/format" }
    var serverIDPath: String { store + "/server-id" }
    var lockPath: String { store + "/" + RegistryLayout.lockName }
    var leasePath: String { store + "/lease" }
    var blobsPath: String { store + "/blobs" }
    var loadsPath: String { store + "/loads" }
    var quarantinePath: String { store + "/quarantine" }
    var uploadsPath: String { store + "/uploads" }
}
