internal import Sealing
internal import Text

/// Checks the rows of uploads that became versions: that each is what its version's record says,
/// and that the alias that it asked for was moved.
struct CommittedUploadCheck {
    let metadata: MetadataStore
    let registryID: [UInt8]
    let keys: KeyRing
    let findings: Findings

    /// One row at a time: each may list a whole bundle.
    func run() {
        var last: Int64 = 0
        while true {
            let after = last
            let places = findings.attempt("uploads", "") {
                try metadata.read {
                    try $0.committedUploadPlaces(after: after, limit: Limits.verifyPageRows)
                }
            }
            guard let places, let end = places.last else { return }
            for place in places {
                _ = findings.attempt("upload at row \(place)", "") {
                    try metadata.read { transaction in
                        guard let row = try transaction.committedUpload(place: place) else {
                            return
                        }
                        try check(row, transaction)
                    }
                }
            }
            // A damaged page need not be in order.
            guard end > last else {
                return findings.fault("database", "table uploads", "its rows are out of order")
            }
            last = end
        }
    }

    private func check(_ row: CheckedRow, _ transaction: MetadataTransaction) throws {
        let id = try row.text("id")
        let object = "upload \(id)"
        let contents = UploadContents(row, object, findings)
        contents.check(try key(of: row, transaction))
        if try transaction.hasUploadFiles(id: id) {
            findings.fault(object, "finished files", "are there, and it is committed")
        }
        let place = findings.attempt(object, "") {
            (model: try row.text("model"), version: try row.integer("version"))
        }
        guard let place else { return }
        let version = try transaction.checkedVersion(model: place.model, version: place.version)
        guard let version else {
            return findings.fault(
                object,
                "column version",
                "\(place.version), and model '\(place.model)' has no such version"
            )
        }
        if (try? version.text("state")) == VersionState.deleted.rawValue {
            findings.fault(object, "row", "is there, and its version is deleted")
        }
        // What is wrong with the record is said where the version is checked.
        let bytes = Array(try version.text("record").utf8)
        guard let stated = try? version.hex("record_sha256"), stated == Digest.sha256(bytes),
            let record = try? VersionRecord(verified: bytes)
        else { return }
        compare(row, contents, record, object)
        try checkAlias(row, record, object, transaction)
    }

    /// The data key of the upload's version; `nil` without keys. One that does not unwrap is
    /// reported where the version is checked.
    private func key(
        of row: CheckedRow,
        _ transaction: MetadataTransaction
    ) throws -> SecretKey? {
        guard keys.isOpen, let model = try? row.text("model"),
            let bundleID = try? row.hex("bundle_id", byteCount: SealingLimits.idBytes)
        else { return nil }
        return KeyRowCheck(
            object: "",
            model: model,
            bundleID: bundleID,
            registryID: registryID,
            keys: keys,
            findings: Findings { _ in }
        ).run(try transaction.checkedKey(bundleID: Hex.encode(bundleID)))
    }

    private func compare(
        _ row: CheckedRow,
        _ contents: UploadContents,
        _ record: VersionRecord,
        _ object: String
    ) {
        let place = "model '\(record.model)', version \(record.version)"
        if row.values["bundle_id"] != .text(Hex.encode(record.bundleID)) {
            findings.fault(object, "column bundle_id", "not that of \(place)")
        }
        if row.values["principal"] != .text(record.createdBy) {
            findings.fault(object, "column principal", "not who published \(place)")
        }
        if contents.metadata != nil, row.values["metadata"] != .text(record.metadata.column) {
            findings.fault(object, "column metadata", "not that of \(place)")
        }
        guard let files = contents.files else { return }
        var left = Dictionary(
            record.files.map { ($0.path, ($0.sha256, $0.size)) },
            uniquingKeysWith: { first, _ in first }
        )
        let areAll = files.allSatisfy { file in
            guard let stored = left.removeValue(forKey: file.path) else { return false }
            return stored == (file.sha256, file.size)
        }
        // What the publisher did not send is the card.
        if !areAll || !(left.isEmpty || Array(left.keys) == [Card.path]) {
            findings.fault(object, "column files", "not those of \(place)")
        }
    }

    /// The move of the alias that the commit asked for is of the same instant.
    private func checkAlias(
        _ row: CheckedRow,
        _ record: VersionRecord,
        _ object: String,
        _ transaction: MetadataTransaction
    ) throws {
        if row.isNull("alias"), row.isNull("alias_generation") { return }
        let asked = findings.attempt(object, "") {
            (name: try row.text("alias"), generation: try row.integer("alias_generation"))
        }
        guard let asked else { return }
        let move = try transaction.checkedMove(
            model: record.model,
            name: asked.name,
            generation: asked.generation
        )
        let told: [String: CheckedRow.Value] = [
            "to_version": .integer(record.version.column),
            "asked_unix_ms": .integer(record.createdUnixMs),
            "principal": .text(record.createdBy),
        ]
        let isIts = told.allSatisfy { column, value in move?.values[column] == value }
        if !isIts {
            findings.fault(
                object,
                "column alias_generation",
                "generation \(asked.generation) of alias '\(asked.name)' is no move that its "
                    + "commit asked for"
            )
        }
    }
}
