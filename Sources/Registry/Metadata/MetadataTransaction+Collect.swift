internal import GRDB

extension MetadataTransaction {
    /// A version by its bundle; `nil` if there is none.
    func version(bundleID: [UInt8]) throws -> StoredVersion? {
        let place = try Row.fetchOne(
            database,
            sql: "SELECT model, version FROM versions WHERE bundle_id = ?",
            arguments: [bundleID.column]
        )
        guard let place else { return nil }
        return try version(model: place.text("model"), version: place.unsigned("version"))
    }

    /// The digest of every blob that an upload has finished.
    func eachUploadedBlob(_ body: ([UInt8]) throws -> Void) throws {
        let rows = try Row.fetchCursor(database, sql: "SELECT sealed_sha256 FROM upload_files")
        while let row = try rows.next() { try body(try row.hex("sealed_sha256")) }
    }
}
