internal import Sealing

/// What chains the audit log: SHA-256 over a label and every field of an event but the hash, in
/// the order of the protocol's message, each with its length in 4 bytes before it.
enum AuditHash {
    static let label = "strongroom/audit/v1"
    /// What the first event has for the hash of the one before.
    static let noPrevious = [UInt8](repeating: 0, count: Digest.byteCount)

    /// An event with its hash.
    static func chained(
        sequence: UInt64,
        unixMs: Int64,
        principal: String,
        action: String,
        model: String,
        version: UInt64,
        detail: String,
        previousHash: [UInt8]
    ) -> AuditEventInfo {
        var bytes: [UInt8] = []
        bytes.appendField(Array(label.utf8))
        bytes.appendField(sequence.bigEndianBytes)
        bytes.appendField(UInt64(bitPattern: unixMs).bigEndianBytes)
        bytes.appendField(Array(principal.utf8))
        bytes.appendField(Array(action.utf8))
        bytes.appendField(Array(model.utf8))
        bytes.appendField(version.bigEndianBytes)
        bytes.appendField(Array(detail.utf8))
        bytes.appendField(previousHash)
        return AuditEventInfo(
            sequence: sequence,
            unixMs: unixMs,
            principal: principal,
            action: action,
            model: model,
            version: version,
            detail: detail,
            previousHash: previousHash,
            hash: Digest.sha256(bytes)
        )
    }
}

extension [UInt8] {
    /// Appends a field after its length, so that no two lists of fields give the same bytes.
    mutating func appendField(_ field: [UInt8]) {
        append(contentsOf: UInt32(field.count).bigEndianBytes)
        append(contentsOf: field)
    }
}

extension FixedWidthInteger {
    /// The integer's bytes, the most significant first.
    var bigEndianBytes: [UInt8] {
        stride(from: bitWidth - 8, through: 0, by: -8).map { shift in
            UInt8(truncatingIfNeeded: self >> Self(shift))
        }
    }
}

extension AuditEventInfo {
    /// Whether the event's hash is that of its fields.
    package var isIntact: Bool {
        let expected = AuditHash.chained(
            sequence: sequence,
            unixMs: unixMs,
            principal: principal,
            action: action,
            model: model,
            version: version,
            detail: detail,
            previousHash: previousHash
        )
        return expected.hash == hash
    }
}
