internal import GRDB

/// The metadata database: every row of the catalogue, and nothing of a model's bytes.
///
/// Readers see a snapshot and never wait; writers run one after another. What the rest of the
/// target knows of it are the methods of ``MetadataTransaction``: no SQL leaves this folder.
final class MetadataStore: Sendable {
    /// How long a connection waits for another's lock. There is one process; checkpoints and
    /// recovery are all there is to wait for.
    private static let busySeconds = 10.0

    let reader: any DatabaseReader
    /// `nil` where the database was opened for reading alone.
    private let writer: DatabasePool?
    private let fault: StorageFault

    /// Creates the database with what `first` writes into it. It appears under its name when it
    /// is whole and durable, and not before. The caller holds the store's lock and has seen that
    /// there is none.
    static func create(
        _ layout: RegistryLayout,
        _ first: (MetadataTransaction) throws -> Void
    ) throws {
        let path = layout.databasePath
        let folder = layout.folder
        let temporary = path + ".new"
        let parts = ["", "-wal", "-shm"]
        for part in parts { try folder.remove(temporary + part) }
        // SQLite gives its other files the mode of this one. It has to be closed before SQLite
        // opens it: closing it later would drop SQLite's locks.
        let file = try StoreFile(creating: temporary, layout.files)
        try file.close()
        let store = try MetadataStore(temporary, fault: StorageFault())
        try store.write(first)
        guard try store.checkpoint() else {
            throw RegistryError(.internalFailure, "the new database is in use", detail: temporary)
        }
        try store.close()
        for part in parts.dropFirst() { try folder.remove(temporary + part) }
        try folder.replace(temporary, to: path)
        try folder.sync(StoreFolder.parent(of: path))
    }

    /// Opens the database and checks its structure.
    ///
    /// - Throws: `unavailable` if it is missing, damaged or of a newer server.
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

    /// Opens the database for writing whatever its state is.
    ///
    /// - Throws: `unavailable` if it is missing, cannot be read, or is of a newer server.
    static func openForRepair(_ path: String) throws -> MetadataStore {
        try opening(path, .system) { try MetadataStore(path, fault: StorageFault()) }
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

    private init(readingFrom path: String) throws {
        fault = StorageFault()
        var configuration = MetadataStore.configuration
        configuration.readonly = true
        reader = try DatabaseQueue(path: path, configuration: configuration)
        writer = nil
        try MetadataStore.checkFormat(reader, path)
    }

    private init(_ path: String, fault: StorageFault) throws {
        self.fault = fault
        let pool = try DatabasePool(path: path, configuration: MetadataStore.configuration)
        (reader, writer) = (pool, pool)
        try pool.writeWithoutTransaction { database in
            // The pool has set NORMAL, which may lose the last commits at a loss of power.
            try database.execute(sql: "PRAGMA synchronous = FULL")
        }
        try MetadataStore.checkFormat(reader, path)
        try Schema.migrator.migrate(pool)
    }

    static var configuration: Configuration {
        var configuration = Configuration()
        configuration.busyMode = .timeout(busySeconds)
        configuration.foreignKeysEnabled = true
        configuration.prepareDatabase { database in
            // Nothing in the file may run as code, and a damaged page must not be followed.
            // Deleted rows hold wrapped keys: their bytes are to go.
            try database.execute(
                sql: """
                    PRAGMA trusted_schema = OFF;
                    PRAGMA cell_size_check = ON;
                    PRAGMA secure_delete = ON;
                    """
            )
        }
        return configuration
    }

    private static func checkFormat(_ reader: any DatabaseReader, _ path: String) throws {
        try reader.read { database in
            guard try !Schema.migrator.hasBeenSuperseded(database) else {
                throw RegistryError(
                    .unavailable,
                    "the registry's database was written by a newer server",
                    detail: path
                )
            }
        }
    }

    /// Has SQLite check the structure of the whole file.
    func check() throws {
        let findings = try reader.read { database in
            try String.fetchAll(database, sql: "PRAGMA quick_check(10)")
        }
        guard findings == ["ok"] else {
            throw RegistryError(
                .unavailable,
                "the registry's database is damaged",
                detail: findings.joined(separator: "; ")
            )
        }
    }

    /// Runs `body` on a snapshot.
    func read<R>(_ body: (MetadataTransaction) throws -> R) throws -> R {
        try translated {
            try reader.read { database in try body(MetadataTransaction(database)) }
        }
    }

    /// Runs `body` in a transaction that is durable when this returns, and undone if it throws.
    /// After the database itself has failed nothing is written any more.
    func write<R>(_ body: (MetadataTransaction) throws -> R) throws -> R {
        try fault.check()
        guard let writer else {
            throw RegistryError(.internalFailure, "the registry was opened for reading alone")
        }
        return try translated {
            try writer.write { database in try body(MetadataTransaction(database)) }
        }
    }

    /// Builds all indexes anew from their tables.
    func reindex() throws {
        try translated {
            try writer?.write { database in try database.execute(sql: "REINDEX") }
        }
    }

    /// Runs `body` on the one connection that writes, outside any transaction.
    func withoutTransaction(_ body: (Database) throws -> Void) throws {
        try translated { try writer?.writeWithoutTransaction(body) }
    }

    /// Moves what was committed into the database file and empties the log, in which deleted
    /// rows would live on.
    ///
    /// - Returns: False if a reader needs the log: a later checkpoint will do it.
    func checkpoint() throws -> Bool {
        do {
            try writer?.writeWithoutTransaction { database in
                _ = try database.checkpoint(.truncate)
            }
            return true
        } catch let error as DatabaseError {
            switch error.resultCode {
            case .SQLITE_BUSY, .SQLITE_LOCKED: return false
            default: throw refusal(error)
            }
        }
    }

    /// Closes all connections; for the end of the registry. The log is folded in before, since
    /// the connections that close last may only read.
    func close() throws {
        _ = try? checkpoint()
        try reader.close()
    }

    func translated<R>(_ body: () throws -> R) throws -> R {
        do {
            return try body()
        } catch let error as DatabaseError {
            throw refusal(error)
        }
    }

    private func refusal(_ error: DatabaseError) -> RegistryError {
        switch error.resultCode {
        case .SQLITE_FULL:
            return RegistryError(
                .resourceExhausted,
                "the registry's store has no room left",
                detail: "\(error)"
            )
        case .SQLITE_IOERR, .SQLITE_CORRUPT, .SQLITE_NOTADB, .SQLITE_CANTOPEN:
            fault.set("\(error)")
        default: break
        }
        return RegistryError(
            .internalFailure,
            "the registry's database failed",
            detail: "\(error)"
        )
    }
}

/// The rows, inside one transaction or on one snapshot. Its methods are in the extensions.
struct MetadataTransaction {
    let database: Database

    init(_ database: Database) {
        self.database = database
    }
}
