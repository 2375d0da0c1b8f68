internal import Sealing
internal import Text

/// What a backup says of itself, in `backup.json`: canonical JSON, not signed.
///
/// It is for people, and for telling a damaged database from a whole one. What is restored is
/// decided by what the registry signed.
struct BackupManifest: Equatable, Sendable {
    static let type = "strongroom/backup/v1"
    private static let maxBytes = 64 << 10

    let registryID: [UInt8]
    /// Of the catalogue's head.
    let sequence: UInt64
    let createdUnixMs: Int64
    /// Versions that are not deleted.
    let versions: UInt64
    /// Sealed files of those versions, and their bytes.
    let blobs: UInt64
    let blobBytes: UInt64
    let databaseBytes: UInt64
    let databaseSHA256: [UInt8]

    /// The file's text.
    var text: String {
        let value = CanonicalValue.object([
            "blob_bytes": .integer(Int64(blobBytes)), "blobs": .integer(Int64(blobs)),
            "created_unix_ms": .integer(createdUnixMs),
            "database_bytes": .integer(Int64(databaseBytes)),
            "database_sha256": .hex(databaseSHA256), "registry": .hex(registryID),
            "sequence": .integer(Int64(sequence)), "type": .string(BackupManifest.type),
            "versions": .integer(Int64(versions)),
        ])
        return String(decoding: value.encoded(), as: UTF8.self) + "\n"
    }

    /// Reads a manifest; `nil` if there is none or if it is not one, as a crash may leave it.
    static func read(_ path: String) throws -> BackupManifest? {
        guard let text = try StoreFolder.system.readText(path, maxBytes: maxBytes),
            text.hasSuffix("\n"),
            let value = try? CanonicalParser.parse(Array(text.dropLast().utf8))
        else { return nil }
        return try? BackupManifest(value)
    }

    private init(_ value: CanonicalValue) throws {
        var fields = try CanonicalReader(value, what: "backup.json")
        try fields.type(BackupManifest.type)
        registryID = try fields.hex("registry", byteCount: SealingLimits.idBytes)
        sequence = try fields.unsigned("sequence")
        createdUnixMs = try fields.signed("created_unix_ms")
        versions = try fields.unsigned("versions")
        blobs = try fields.unsigned("blobs")
        blobBytes = try fields.unsigned("blob_bytes")
        databaseBytes = try fields.unsigned("database_bytes")
        databaseSHA256 = try fields.hex("database_sha256", byteCount: Digest.byteCount)
        try fields.finish()
    }

    /// States what a backup is.
    init(
        head: CatalogueHead,
        createdUnixMs: Int64,
        contents: BackupContents,
        database: FileDigest
    ) {
        registryID = head.registryID
        sequence = head.sequence
        self.createdUnixMs = createdUnixMs
        versions = contents.versions
        blobs = contents.blobs
        blobBytes = contents.bytes
        databaseBytes = database.byteCount
        databaseSHA256 = database.sha256
    }
}

/// How much the versions of a snapshot refer to.
struct BackupContents: Equatable, Sendable {
    var versions: UInt64 = 0
    var blobs: UInt64 = 0
    var bytes: UInt64 = 0

    /// Counts a version.
    mutating func add(_ record: VersionRecord) {
        versions += 1
        blobs += UInt64(record.files.count)
        for file in record.files { bytes += file.sealedBytes }
    }
}
