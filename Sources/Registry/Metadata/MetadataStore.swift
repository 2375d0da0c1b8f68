internal import GRDB
internal import Platform

/// The metadata database: every row of the catalogue, and nothing of a model's bytes.
///
/// Readers see a snapshot and never wait; writers run one after another. What the rest of the
/// target knows of it are the methods of ``MetadataTransaction``: no SQL leaves this folder.
final class MetadataStore: Sendable {
    let reader: any DatabaseReader
    /// `nil` where the database was opened for reading alone.
    private let writer: DatabasePool?
    private let fault: StorageFault
    private let watch: SchemaWatch
    /// The path of the database that is written, and the file that it led to at the opening.
    private let opened: (path: String, status: FileStatus?)
    /// Whether the rows of `grdb_migrations` are those of one format.
    let isOfKnownFormat: Bool

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
        let store = try MetadataStore(creating: temporary)
        try store.write(first)
        guard try store.checkpoint() else {
            throw RegistryError(.internalFailure, "the new database is in use", detail: temporary)
        }
        try store.close()
        for part in parts.dropFirst() { try folder.remove(temporary + part) }
        try folder.replace(temporary, to: path)
        try folder.sync(StoreFolder.parent(of: path))
    }

    /// Opens the database for reading alone.
    init(readingFrom path: String) throws {
        fault = StorageFault()
        var configuration = MetadataStore.configuration
        configuration.readonly = true
        reader = try DatabaseQueue(path: path, configuration: configuration)
        writer = nil
        opened = (path, FileStatus(path: path))
        let format = try reader.read { try DatabaseFormat.named(by: $0) }
        isOfKnownFormat = format != nil
        watch = SchemaWatch(format ?? .current)
    }

    /// Opens the database for reading and writing.
    convenience init(_ path: String, fault: StorageFault) throws {
        try self.init(path, fault: fault) { try $0.read { try DatabaseFormat.named(by: $0) } }
    }

    /// Makes the tables of a format in an empty database.
    convenience init(creating path: String, _ format: DatabaseFormat = .current) throws {
        try self.init(path, fault: StorageFault()) { pool in
            try pool.write { try format.create(in: $0) }
            return format
        }
    }

    private init(
        _ path: String,
        fault: StorageFault,
        format: (DatabasePool) throws -> DatabaseFormat?
    ) throws {
        self.fault = fault
        let pool = try DatabasePool(path: path, configuration: MetadataStore.configuration)
        (reader, writer) = (pool, pool)
        opened = (path, FileStatus(path: path))
        try pool.writeWithoutTransaction { database in
            // The pool has set NORMAL, which may lose the last commits at a loss of power.
            try database.execute(sql: "PRAGMA synchronous = FULL")
        }
        let format = try format(pool)
        isOfKnownFormat = format != nil
        watch = SchemaWatch(format ?? .current)
    }

    /// The format that the database names, or the present one if it names none.
    var format: DatabaseFormat { watch.format }

    /// Whether the path still leads to the file that was opened, and no part of it was cut off.
    /// SQLite goes on with a file that was removed or replaced, and its changes are lost with it.
    var isFileInPlace: Bool {
        guard let first = opened.status, let present = FileStatus(path: opened.path) else {
            return false
        }
        return present.device == first.device && present.inode == first.inode
            && present.byteCount >= first.byteCount
    }

    /// Runs `body` on a snapshot.
    func read<R>(_ body: (MetadataTransaction) throws -> R) throws -> R {
        try translated {
            try reader.read { database in try body(MetadataTransaction(database, watch)) }
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
            try writer.write { database in try body(MetadataTransaction(database, watch)) }
        }
    }

    /// Brings a database of a former format to the present one: `body` runs in one transaction, at
    /// the end of which the schema has to be the present one.
    ///
    /// - Throws: `dataLoss` if the schema is not that of the former format.
    func migrate<R>(_ body: (MetadataTransaction) throws -> R) throws -> R {
        let result = try write { transaction in
            if let difference = try transaction.schemaDifference() {
                throw RegistryError(.dataLoss, "the registry was changed by others: \(difference)")
            }
            let result = try body(transaction)
            let differences = try SchemaWatch.differences(in: transaction.database, from: .current)
            guard differences.isEmpty else {
                throw RegistryError(
                    .internalFailure,
                    "the registry's database was not migrated",
                    detail: differences.joined(separator: "; ")
                )
            }
            return result
        }
        watch.format = .current
        return result
    }

    /// SQLite's count of the commits of others that the one connection that writes has seen.
    func writersDataVersion() throws -> Int64? {
        try translated {
            try writer?.writeWithoutTransaction { try MetadataTransaction($0, watch).dataVersion() }
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
                // GRDB passes a closed connection on to SQLite, which ends the process.
                guard unsafe database.sqliteConnection != nil else { return }
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
        case .SQLITE_BUSY, .SQLITE_LOCKED:
            return RegistryError(
                .unavailable,
                "another program holds the lock of the registry's database",
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
    let watch: SchemaWatch

    init(_ database: Database, _ watch: SchemaWatch) {
        self.database = database
        self.watch = watch
    }
}
