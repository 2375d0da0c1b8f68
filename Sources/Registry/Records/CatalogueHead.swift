internal import Sealing
internal import Text

/// The signed statement of what the whole catalogue is: `strongroom/head/v1`. A new one is signed
/// with every change.
struct CatalogueHead: Equatable, Sendable {
    static let type = "strongroom/head/v1"

    /// An alias as the head states it.
    struct Alias: Equatable, Sendable {
        let generation: UInt64
        let version: UInt64
        let targetVersion: UInt64

        fileprivate var canonical: CanonicalValue {
            .object([
                "generation": .integer(Int64(generation)),
                "target_version": .integer(Int64(targetVersion)),
                "version": .integer(Int64(version)),
            ])
        }
    }

    let registryID: [UInt8]
    /// Counts records and heads of the registry together.
    let sequence: UInt64
    /// By model, then by name.
    let aliases: [ExactString: [ExactString: Alias]]
    /// The newest audit event's number.
    let auditSequence: UInt64
    /// The newest audit event's hash.
    let auditSHA256: [UInt8]
    /// Of the newest version record; 64 zeros before the first.
    let recordSHA256: [UInt8]
    /// Of the head before this one; 64 zeros for the first.
    let previousSHA256: [UInt8]
    let unixMs: Int64

    /// The bytes to sign.
    func encoded() -> [UInt8] {
        let aliases = aliases.mapValues { CanonicalValue.object($0.mapValues(\.canonical)) }
        return CanonicalValue.object([
            "aliases": .object(aliases), "audit_sequence": .integer(Int64(auditSequence)),
            "audit_sha256": .hex(auditSHA256), "previous_sha256": .hex(previousSHA256),
            "record_sha256": .hex(recordSHA256), "registry": .hex(registryID),
            "sequence": .integer(Int64(sequence)), "type": .string(CatalogueHead.type),
            "unix_ms": .integer(unixMs),
        ]).encoded()
    }

    /// States what the catalogue is.
    init(
        registryID: [UInt8],
        sequence: UInt64,
        aliases: [ExactString: [ExactString: Alias]],
        auditSequence: UInt64,
        auditSHA256: [UInt8],
        recordSHA256: [UInt8],
        previousSHA256: [UInt8],
        unixMs: Int64
    ) {
        self.registryID = registryID
        self.sequence = sequence
        self.aliases = aliases
        self.auditSequence = auditSequence
        self.auditSHA256 = auditSHA256
        self.recordSHA256 = recordSHA256
        self.previousSHA256 = previousSHA256
        self.unixMs = unixMs
    }

    /// Reads signed bytes; verify their signature first.
    ///
    /// - Throws: `dataLoss` for bytes that no registry of this format signs.
    init(verified bytes: [UInt8]) throws {
        let value: CanonicalValue
        do {
            value = try CanonicalParser.parse(bytes)
        } catch {
            throw RegistryError(.dataLoss, "catalogue head: not canonical JSON", detail: "\(error)")
        }
        var fields = try CanonicalReader(value, what: "catalogue head")
        try fields.type(CatalogueHead.type)
        registryID = try fields.hex("registry", byteCount: SealingLimits.idBytes)
        sequence = try fields.unsigned("sequence")
        auditSequence = try fields.unsigned("audit_sequence")
        auditSHA256 = try fields.hex("audit_sha256", byteCount: Digest.byteCount)
        recordSHA256 = try fields.hex("record_sha256", byteCount: Digest.byteCount)
        previousSHA256 = try fields.hex("previous_sha256", byteCount: Digest.byteCount)
        unixMs = try fields.signed("unix_ms")
        aliases = try CatalogueHead.aliases(try fields.value("aliases"))
        try fields.finish()
    }

    private static func aliases(
        _ value: CanonicalValue
    ) throws -> [ExactString: [ExactString: Alias]] {
        guard case .object(let models) = value else {
            throw RegistryError(.dataLoss, "catalogue head: 'aliases' is not an object")
        }
        var result: [ExactString: [ExactString: Alias]] = [:]
        for model in models {
            guard case .object(let aliases) = model.value else {
                throw RegistryError(.dataLoss, "catalogue head: a model's aliases: not an object")
            }
            for alias in aliases {
                var fields = try CanonicalReader(alias.value, what: "catalogue head: alias")
                result[model.key, default: [:]][alias.key] = Alias(
                    generation: try fields.unsigned("generation"),
                    version: try fields.unsigned("version"),
                    targetVersion: try fields.unsigned("target_version")
                )
                try fields.finish()
            }
        }
        return result
    }
}
