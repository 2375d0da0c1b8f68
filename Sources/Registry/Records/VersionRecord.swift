internal import Sealing
internal import Text

/// The signed statement of what a version is: `strongroom/version/v1`.
///
/// It names no wrapping key, so that rotating keys re-signs nothing.
struct VersionRecord: Equatable, Sendable {
    static let type = "strongroom/version/v1"
    /// What ``previousSHA256`` is in a registry's first record.
    static let noPrevious = [UInt8](repeating: 0, count: Digest.byteCount)

    /// One file as it was published and as it is stored.
    struct File: Equatable, Sendable {
        let path: ExactString
        let size: UInt64
        let sha256: [UInt8]
        let sealedBytes: UInt64
        /// The SHA-256 of all sealed bytes: the blob's name.
        let sealedSHA256: [UInt8]
        /// The sealed blob's key commitment.
        let commitment: [UInt8]
    }

    let registryID: [UInt8]
    let model: String
    let version: UInt64
    let bundleID: [UInt8]
    let createdBy: String
    let createdUnixMs: Int64
    let cardSHA256: [UInt8]
    let metadata: [ExactString: ExactString]
    /// Sorted by the code points of their paths.
    let files: [File]
    /// Of the record before this one in the registry.
    let previousSHA256: [UInt8]
    /// Counts records and heads of the registry together.
    let sequence: UInt64

    /// The bytes to sign.
    func encoded() -> [UInt8] {
        let files = files.map { file in
            CanonicalValue.object([
                "commitment": .hex(file.commitment), "path": .string(file.path.text),
                "sealed_bytes": .integer(Int64(file.sealedBytes)),
                "sealed_sha256": .hex(file.sealedSHA256), "sha256": .hex(file.sha256),
                "size": .integer(Int64(file.size)),
            ])
        }
        return CanonicalValue.object([
            "bundle": .hex(bundleID), "card_sha256": .hex(cardSHA256),
            "created_by": .string(createdBy), "created_unix_ms": .integer(createdUnixMs),
            "files": .array(files), "metadata": .object(metadata.mapValues { .string($0.text) }),
            "model": .string(model), "previous_sha256": .hex(previousSHA256),
            "registry": .hex(registryID), "sequence": .integer(Int64(sequence)),
            "type": .string(VersionRecord.type), "version": .integer(Int64(version)),
        ]).encoded()
    }

    /// Reads signed bytes; verify their signature first.
    ///
    /// - Throws: `dataLoss` for bytes that no registry of this format signs.
    init(verified bytes: [UInt8]) throws {
        let value: CanonicalValue
        do {
            value = try CanonicalParser.parse(bytes)
        } catch {
            throw RegistryError(.dataLoss, "version record: not canonical JSON", detail: "\(error)")
        }
        var fields = try CanonicalReader(value, what: "version record")
        try fields.type(VersionRecord.type)
        registryID = try fields.hex("registry", byteCount: SealingLimits.idBytes)
        model = try fields.string("model")
        version = try fields.unsigned("version")
        bundleID = try fields.hex("bundle", byteCount: SealingLimits.idBytes)
        createdBy = try fields.string("created_by")
        createdUnixMs = try fields.signed("created_unix_ms")
        cardSHA256 = try fields.hex("card_sha256", byteCount: Digest.byteCount)
        previousSHA256 = try fields.hex("previous_sha256", byteCount: Digest.byteCount)
        sequence = try fields.unsigned("sequence")
        metadata = try VersionRecord.metadata(try fields.value("metadata"))
        files = try VersionRecord.files(try fields.value("files"))
        try fields.finish()
    }

    /// States what a version is.
    init(
        registryID: [UInt8],
        model: String,
        version: UInt64,
        bundleID: [UInt8],
        createdBy: String,
        createdUnixMs: Int64,
        cardSHA256: [UInt8],
        metadata: [ExactString: ExactString],
        files: [File],
        previousSHA256: [UInt8],
        sequence: UInt64
    ) {
        self.registryID = registryID
        self.model = model
        self.version = version
        self.bundleID = bundleID
        self.createdBy = createdBy
        self.createdUnixMs = createdUnixMs
        self.cardSHA256 = cardSHA256
        self.metadata = metadata
        self.files = files.sorted { $0.path < $1.path }
        self.previousSHA256 = previousSHA256
        self.sequence = sequence
    }

    private static func metadata(_ value: CanonicalValue) throws -> [ExactString: ExactString] {
        guard case .object(let members) = value else {
            throw RegistryError(.dataLoss, "version record: 'metadata' is not an object")
        }
        var metadata: [ExactString: ExactString] = [:]
        for member in members {
            guard case .string(let text) = member.value else {
                throw RegistryError(.dataLoss, "version record: metadata is not strings")
            }
            metadata[member.key] = ExactString(text)
        }
        return metadata
    }

    private static func files(_ value: CanonicalValue) throws -> [File] {
        guard case .array(let elements) = value else {
            throw RegistryError(.dataLoss, "version record: 'files' is not an array")
        }
        return try elements.map { element in
            var fields = try CanonicalReader(element, what: "version record: file")
            let file = File(
                path: ExactString(try fields.string("path")),
                size: try fields.unsigned("size"),
                sha256: try fields.hex("sha256", byteCount: Digest.byteCount),
                sealedBytes: try fields.unsigned("sealed_bytes"),
                sealedSHA256: try fields.hex("sealed_sha256", byteCount: Digest.byteCount),
                commitment: try fields.hex("commitment", byteCount: Digest.byteCount)
            )
            try fields.finish()
            return file
        }
    }
}
