internal import CSQLite
internal import GRDB
internal import Platform

extension MetadataStore {
    /// How long a connection waits for another's lock. There is one process; checkpoints and
    /// recovery are all there is to wait for.
    private static let busySeconds = 10.0

    /// The settings of every connection to a registry's database.
    static var configuration: Configuration {
        var configuration = Configuration()
        configuration.busyMode = .timeout(busySeconds)
        configuration.foreignKeysEnabled = true
        configuration.prepareDatabase { database in
            try harden(database)
            // Deleted rows hold wrapped keys: their bytes are to go.
            try database.execute(
                sql: """
                    PRAGMA cell_size_check = ON;
                    PRAGMA secure_delete = ON;
                    """
            )
        }
        return configuration
    }

    /// Nothing in the file may run as code: no format has a trigger or a view, and no SQL of this
    /// process writes the schema but by DDL.
    private static func harden(_ database: Database) throws {
        guard let connection = unsafe database.sqliteConnection else {
            throw RegistryError(.internalFailure, "a connection to the database is closed")
        }
        let options = [
            (database_Defensive, true), (database_TrustedSchema, false),
            (database_EnableTrigger, false), (database_EnableView, false),
        ]
        for (option, isOn) in options {
            let code = unsafe database_Configure(connection, option, isOn ? 1 : 0)
            guard code == 0 else {
                throw DatabaseError(
                    resultCode: ResultCode(rawValue: code),
                    message: "option \(option) of a connection cannot be set"
                )
            }
        }
    }

    /// Opens the database and compares its schema and its structure with its format's.
    ///
    /// - Throws: `unavailable` if it is missing, damaged, of a newer server, or has another schema
    ///   than its format.
    static func open(_ layout: RegistryLayout, fault: StorageFault) throws -> MetadataStore {
        try opening(layout.databasePath, layout.folder) {
            let store = try MetadataStore(layout.databasePath, fault: fault)
            try store.check()
            return store
        }
    }

    /// Opens the database of a registry that another process may be serving: for reading alone,
    /// on a snapshot that does not hold its writers up.
    ///
    /// - Throws: `unavailable` if it is missing, cannot be read, or is of a newer server.
    static func openForReading(_ path: String) throws -> MetadataStore {
        try opening(path, .system) { try MetadataStore(readingFrom: path) }
    }

    /// Opens the database for writing whatever its state is. It stays in its format.
    ///
    /// - Throws: `unavailable` if it is missing, cannot be read, or is of a newer server.
    static func openForRepair(_ path: String) throws -> MetadataStore {
        try opening(path, .system) { try MetadataStore(path, fault: StorageFault()) }
    }

    /// Endings of the names of the files that SQLite opens. It would wait for the writer of a FIFO.
    static let fileNames = ["", "-wal", "-shm", "-journal"]

    /// Refuses files that SQLite must not open: those that are no files, and a rollback journal,
    /// which no format has. SQLite would play it back, and remove the file that it names as its
    /// super-journal.
    private static func checkKinds(_ path: String) throws(RegistryError) {
        if FileStatus(path: path + "-journal")?.kind == .file {
            throw RegistryError(
                .unavailable,
                "the registry's database has a rollback journal, which is not the registry's",
                detail: "\(path)-journal exists; expected none"
            )
        }
        for name in fileNames.map({ path + $0 }) {
            guard let kind = FileStatus(path: name)?.kind, kind != .file else { continue }
            throw RegistryError(
                .unavailable,
                "the registry's database is damaged or cannot be read",
                detail: "\(name) is \(kind.rawValue); expected a regular file"
            )
        }
    }

    private static func opening(
        _ path: String,
        _ folder: StoreFolder,
        _ open: () throws -> MetadataStore
    ) throws -> MetadataStore {
        guard try folder.exists(path) else {
            throw RegistryError(
                .unavailable,
                "there is no registry here",
                detail: "\(path) does not exist"
            )
        }
        try checkKinds(path)
        do {
            return try open()
        } catch let error as DatabaseError {
            throw RegistryError(
                .unavailable,
                "the registry's database is damaged or cannot be read",
                detail: "\(path): \(error)"
            )
        }
    }

    /// Compares the schema with the format's, and has SQLite check the structure of the whole
    /// file.
    ///
    /// - Throws: `unavailable` for a difference.
    func check() throws {
        guard isOfKnownFormat else {
            throw RegistryError(
                .unavailable,
                "the registry's database names no format",
                detail: "expected the rows of one format in table grdb_migrations"
            )
        }
        let (differences, findings) = try reader.read { database in
            (
                try SchemaWatch.differences(in: database, from: format),
                try String.fetchAll(database, sql: "PRAGMA quick_check(10)")
            )
        }
        if let difference = differences.first {
            throw RegistryError(
                .unavailable,
                "the schema of the registry's database was changed: \(difference)"
            )
        }
        guard findings == ["ok"] else {
            throw RegistryError(
                .unavailable,
                "the registry's database is damaged",
                detail: findings.joined(separator: "; ")
            )
        }
    }
}
