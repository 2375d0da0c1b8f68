internal import GRDB

extension MetadataTransaction {
    /// A version by its bundle; `nil` if there is none.
    func version(bundleID: [UInt8]) throws -> StoredVersion? {
        let place = try row(
            of: "versions",
            "SELECT model, version FROM versions WHERE bundle_id = ?",
            [bundleID.column]
        )
        guard let place else { return nil }
        return try version(
            model: try place.text("model"),
            version: try place.unsigned("version")
        )
    }

    /// The digest of every blob that an upload has finished.
    func eachUploadedBlob(_ body: ([UInt8]) throws -> Void) throws {
        try eachRow(of: "upload_files", "SELECT sealed_sha256 FROM upload_files") { row in
            try body(try row.hex("sealed_sha256"))
            return true
        }
    }
}
