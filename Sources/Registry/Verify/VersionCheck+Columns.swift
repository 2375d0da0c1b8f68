internal import Sealing
internal import Text

extension VersionCheck {
    /// A version's columns; nil for one that does not hold what it must, which is reported.
    struct Columns {
        private(set) var state: VersionState?
        private(set) var reason: String?
        private(set) var createdUnixMs: Int64?
        private(set) var createdBy: String?
        private(set) var bytes: UInt64?
        private(set) var bundleID: [UInt8]?
        private(set) var recordSHA256: [UInt8]?
        private(set) var metadata: [ExactString: ExactString]?
        private(set) var signature: [UInt8]?
        private(set) var sealedCard: [UInt8]?
        private(set) var record: [UInt8]?

        init(_ row: CheckedRow, _ object: String, _ findings: Findings) {
            func read<Value>(
                _ field: String? = nil,
                _ body: () throws(CheckedRow.ColumnFault) -> Value
            ) -> Value? {
                do {
                    return try body()
                } catch {
                    findings.fault(object, field ?? error.field, error.problem)
                    return nil
                }
            }
            state = read { () throws(CheckedRow.ColumnFault) in
                let text = try row.text("state")
                guard let state = VersionState(rawValue: text) else {
                    throw CheckedRow.ColumnFault(column: "state", problem: "'\(text)' is no state")
                }
                return state
            }
            reason = read { () throws(CheckedRow.ColumnFault) in try row.text("reason") }
            createdUnixMs = read { () throws(CheckedRow.ColumnFault) in
                try row.integer("created_unix_ms")
            }
            createdBy = read { () throws(CheckedRow.ColumnFault) in try row.text("created_by") }
            bytes = read { () throws(CheckedRow.ColumnFault) in try row.unsigned("bytes") }
            bundleID = read { () throws(CheckedRow.ColumnFault) in
                try row.hex("bundle_id", byteCount: SealingLimits.idBytes)
            }
            recordSHA256 = read { () throws(CheckedRow.ColumnFault) in
                try row.hex("record_sha256", byteCount: Digest.byteCount)
            }
            metadata = read { () throws(CheckedRow.ColumnFault) in
                guard
                    let metadata = try? [ExactString: ExactString](
                        column: try row.canonical("metadata")
                    )
                else {
                    throw CheckedRow.ColumnFault(
                        column: "metadata",
                        problem: "not canonical JSON of texts"
                    )
                }
                return metadata
            }
            signature = read("record signature") { () throws(CheckedRow.ColumnFault) in
                try row.hex("signature", byteCount: SigningKey.signatureBytes)
            }
            sealedCard = read("sealed card") { () throws(CheckedRow.ColumnFault) in
                try row.hex("sealed_card")
            }
            record = read("record") { () throws(CheckedRow.ColumnFault) in
                Array(try row.text("record").utf8)
            }
        }
    }
}
