internal import Sealing

/// Checks everything that the database holds of one version, field by field.
struct VersionCheck {
    let model: String
    let number: Int64
    let registryID: [UInt8]
    /// nil: signatures cannot be checked.
    let publicKey: VerifyingKey?
    let keys: KeyRing
    /// The registry's own key; nil: cards cannot be opened.
    let cardKey: SecretKey?
    let findings: Findings

    /// What a version's row is good for after its checks.
    struct Outcome {
        /// The record, where its signature holds or, without a public key, its form does.
        var record: VersionRecord?
        /// nil where it does not unwrap, or there are no keys.
        var dataKey: SecretKey?
        var isDeleted = false
        /// Of the record's bytes as they are stored.
        var recordSHA256: [UInt8] = []
        /// As its column states it, for the chain over a record that is damaged.
        var statedSHA256: [UInt8]?
    }

    var object: String { "model '\(model)', version \(number)" }

    /// - Parameters:
    ///   - row: Of `versions`.
    ///   - keyRow: Finds a row of `wrapped_keys` by its bundle's id.
    func run(_ row: CheckedRow, keyRow: (_ bundleID: String) throws -> CheckedRow?) -> Outcome {
        var outcome = Outcome()
        let columns = Columns(row, object, findings)
        outcome.isDeleted = columns.state == .deleted
        outcome.statedSHA256 = columns.recordSHA256
        checkCount(columns)
        if let bytes = columns.record {
            outcome.recordSHA256 = Digest.sha256(bytes)
            outcome.record = signedRecord(bytes, columns)
        }
        let bundleID = outcome.record?.bundleID ?? columns.bundleID
        let card = openCard(columns.sealedCard, bundleID: bundleID)
        if let record = outcome.record {
            compare(record, columns, sha256: outcome.recordSHA256)
            if let card { checkCard(card, record) }
        } else if let bytes = columns.record, columns.signature != nil {
            reportUnsigned(bytes, columns, card: card)
        }
        guard let bundleID else { return outcome }
        let check = KeyRowCheck(
            object: object,
            model: model,
            bundleID: bundleID,
            registryID: registryID,
            keys: keys,
            findings: findings
        )
        findings.attempt(object, "wrapped key") {
            let row = try keyRow(Hex.encode(bundleID))
            outcome.dataKey = check.run(row, isWanted: !outcome.isDeleted)
        }
        return outcome
    }

    private func checkCount(_ columns: Columns) {
        if number < 1 { findings.fault(object, "column version", "expected at least 1") }
        if columns.state == .rejected, columns.reason?.isEmpty == true {
            findings.fault(object, "column reason", "empty for a rejected version")
        }
    }

    // MARK: Record

    /// The record, if its signature holds. Without a public key its form has to do.
    private func signedRecord(_ bytes: [UInt8], _ columns: Columns) -> VersionRecord? {
        guard let signature = columns.signature else { return nil }
        if let publicKey, !publicKey.verify(signature: signature, over: bytes) { return nil }
        return findings.attempt(object, "record") { try VersionRecord(verified: bytes) }
    }

    private func compare(_ record: VersionRecord, _ columns: Columns, sha256: [UInt8]) {
        for difference in differences(record, columns) {
            findings.fault(object, "column \(difference.column)", difference.problem)
        }
        if let stated = columns.recordSHA256, stated != sha256 {
            findings.fault(object, "column record_sha256", "not that of the record")
        }
    }

    /// The signature does not hold: says which field of the record is not what the rest of the
    /// registry says, or that it is the signature itself.
    private func reportUnsigned(_ bytes: [UInt8], _ columns: Columns, card: [UInt8]?) {
        let unsigned = "the record's signature does not hold"
        if columns.recordSHA256 == Digest.sha256(bytes) {
            findings.fault(
                object,
                "record signature",
                "does not hold over the record, which is the one that record_sha256 names"
            )
            return
        }
        let record: VersionRecord
        do {
            record = try VersionRecord(verified: bytes)
        } catch {
            findings.fault(object, "record", "\(error); \(unsigned)")
            return
        }
        let differences = differences(record, columns)
        for difference in differences {
            findings.fault(
                object,
                "record field \(difference.key)",
                "\(difference.problem); \(unsigned)"
            )
        }
        let isOtherCard = card.map { Digest.sha256($0) != record.cardSHA256 } ?? false
        if isOtherCard {
            findings.fault(object, "record field card_sha256", "not that of the card; \(unsigned)")
        }
        guard differences.isEmpty, !isOtherCard else { return }
        findings.fault(
            object,
            "record fields card_sha256, files, previous_sha256 or sequence",
            "altered: \(unsigned), and its other fields are as stored"
        )
    }

    /// A field of the record that its column contradicts.
    private struct Difference {
        let key: String
        let column: String
        let problem: String
    }

    private func differences(_ record: VersionRecord, _ columns: Columns) -> [Difference] {
        var differences: [Difference] = []
        func compare<Value: Equatable>(
            _ key: String,
            _ column: String,
            _ stated: Value,
            _ stored: Value?
        ) {
            guard let stored, stored != stated else { return }
            differences.append(
                Difference(
                    key: key,
                    column: column,
                    problem: "the record says \(text(stated)), its row \(text(stored))"
                )
            )
        }
        compare("registry", "registry", record.registryID, registryID)
        compare("model", "model", record.model, model)
        compare("version", "version", Int64(bitPattern: record.version), number)
        compare("bundle", "bundle_id", record.bundleID, columns.bundleID)
        compare("created_by", "created_by", record.createdBy, columns.createdBy)
        compare("created_unix_ms", "created_unix_ms", record.createdUnixMs, columns.createdUnixMs)
        compare("metadata", "metadata", record.metadata, columns.metadata)
        let bytes = record.files.reduce(UInt64(0)) { $0 &+ $1.size }
        compare("files", "bytes", bytes, columns.bytes)
        return differences
    }

    private func text(_ value: some Equatable) -> String {
        if let bytes = value as? [UInt8] { return Hex.encode(bytes) }
        if let text = value as? String { return "'\(text)'" }
        return "\(value)"
    }

    // MARK: Card

    /// The card's text, opened from its sealed column.
    private func openCard(_ sealed: [UInt8]?, bundleID: [UInt8]?) -> [UInt8]? {
        guard let sealed, let bundleID else { return nil }
        let overhead = BlobLayout.headerBytes + Limits.tagBytes
        guard sealed.count >= overhead, sealed.count - overhead <= Limits.maxCardBytes else {
            findings.fault(
                object,
                "sealed card: size",
                "\(sealed.count) bytes, expected \(overhead) to "
                    + "\(overhead + Limits.maxCardBytes)"
            )
            return nil
        }
        do {
            let inspection = try BlobInspection(
                header: Array(sealed.prefix(BlobLayout.headerBytes)),
                expected: BlobInspection.Expectation(
                    context: BlobContext(
                        registryID: registryID,
                        model: model,
                        bundleID: bundleID,
                        path: Card.path
                    ),
                    plaintextBytes: UInt64(sealed.count - overhead),
                    chunkLog2: Limits.cardChunkLog2,
                    commitment: nil
                ),
                key: cardKey
            )
            for fault in inspection.faults {
                findings.fault(object, "sealed card: \(fault.field)", fault.problem)
            }
            guard let opener = inspection.opener else { return nil }
            do {
                return try opener.openChunk(
                    index: 0,
                    sealed: Array(sealed.dropFirst(BlobLayout.headerBytes))
                ).copyBytes()
            } catch {
                findings.fault(object, "sealed card: chunk 0", "its tag does not hold")
            }
        } catch {
            findings.fault(object, "sealed card", "\(error)")
        }
        return nil
    }

    private func checkCard(_ card: [UInt8], _ record: VersionRecord) {
        guard Digest.sha256(card) == record.cardSHA256 else {
            findings.fault(object, "sealed card: plaintext SHA-256", "not the one that was signed")
            return
        }
        do {
            _ = try Card.parse(card, paths: record.files.map(\.path))
        } catch {
            findings.fault(object, "card", "\(error)")
        }
    }
}
