/// Where a registry lives.
package struct RegistryLayout: Sendable {
    /// The folder of the database, the blobs, the uploads, the lock and the server's id.
    package let store: String
    /// The second place for the highest sequence seen. It lies with the keys and not in the
    /// store, so that an old copy of the store is noticed.
    package let sequencePath: String

    /// Names the places.
    package init(store: String, sequencePath: String) {
        self.store = store
        self.sequencePath = sequencePath
    }

    /// The layout of a home folder: `HOME/store` and `HOME/keys/sequence`.
    package init(home: String) {
        self.init(store: home + "/store", sequencePath: home + "/keys/sequence")
    }

    var databasePath: String { store + "/registry.sqlite" }
    var serverIDPath: String { store + "/server-id" }
    var lockPath: String { store + "/lock" }
    var leasePath: String { store + "/lease" }
    var blobsPath: String { store + "/blobs" }
    var quarantinePath: String { store + "/quarantine" }
    var uploadsPath: String { store + "/uploads" }
}
