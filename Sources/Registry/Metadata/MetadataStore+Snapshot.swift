internal import GRDB
internal import Sealing

extension MetadataStore {
    /// Writes the database, as it is at one instant, to a file of its own, while it may be in
    /// use: without open uploads and their keys, without the room of what was deleted, and with
    /// no log beside it. The file is whole and durable when this returns.
    ///
    /// Nothing is there under `path` before; what a snapshot that was cut short left is replaced.
    func writeSnapshot(to path: String) throws {
        let copy = path + "-copy"
        for part in ["", "-journal", "-wal", "-shm"] {
            try StoreFolder.system.remove(copy + part)
            try StoreFolder.system.remove(path + part)
        }
        // Made here, SQLite's files have a mode that is closed to others.
        for new in [copy, path] {
            let file = try StoreFile(creating: new, SystemCalls())
            try file.close()
        }
        try translated {
            let queue = try DatabaseQueue(path: copy, configuration: MetadataStore.configuration)
            try reader.backup(to: queue)
            try queue.writeWithoutTransaction { database in
                // The copy says of itself that it has a log; the snapshot is to be one file.
                try database.execute(sql: "PRAGMA journal_mode = DELETE")
            }
            try queue.write { database in
                try MetadataTransaction(database, SchemaWatch(format)).deleteOpenUploads()
            }
            try queue.vacuum(into: path)
            try queue.close()
        }
        try StoreFolder.system.remove(copy)
        let file = try StoreFile(writing: path, SystemCalls())
        try file.sync()
        try file.close()
    }
}
