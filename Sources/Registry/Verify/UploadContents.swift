internal import Sealing
internal import Text

/// The files and the metadata that an upload was begun with, as its row has them.
struct UploadContents {
    /// nil where it is not canonical JSON of files.
    let files: [BundleFile]?
    /// nil where it is not canonical JSON of texts.
    let metadata: [ExactString: ExactString]?

    private let row: CheckedRow
    private let object: String
    private let findings: Findings

    /// Reads it; what cannot be read is reported.
    init(_ row: CheckedRow, _ object: String, _ findings: Findings) {
        self.row = row
        self.object = object
        self.findings = findings
        func read<Value>(_ column: String, _ body: (CanonicalValue) throws -> Value) -> Value? {
            findings.attempt(object, "") { try row.canonical(column) }
                .flatMap { value in
                    findings.attempt(object, "column \(column)") { try body(value) }
                }
        }
        files = read("files") { try BundleFile.list(canonical: $0) }
        metadata = read("metadata") { try [ExactString: ExactString](column: $0) }
    }

    /// Compares the row with its code; a row of format 1 has a digest of files and metadata
    /// instead.
    ///
    /// - Parameter key: The upload's data key; `nil` without keys: then a code says nothing.
    func check(_ key: SecretKey?) {
        guard row.values["contents_sha256"] == nil else { return checkDigest() }
        guard let files, let metadata, let key else { return }
        _ = findings.attempt(object, "") {
            let upload = StoredUpload(
                id: try row.text("id"),
                serverID: try row.text("server_id"),
                principal: try row.text("principal"),
                model: try row.text("model"),
                idempotencyKey: try row.text("idempotency_key"),
                mac: try row.hex("mac", byteCount: Digest.byteCount),
                bundleID: try row.hex("bundle_id", byteCount: SealingLimits.idBytes),
                usedUnixMs: 0,
                version: nil,
                alias: nil,
                aliasGeneration: nil,
                metadata: metadata,
                files: files
            )
            let mac = try UploadMAC(dataKey: key, bundleID: upload.bundleID)
            guard try !mac.holds(for: upload) else { return }
            findings.fault(
                object,
                "column mac",
                "does not hold: the row is not the one that was begun"
            )
        }
    }

    private func checkDigest() {
        guard files != nil, metadata != nil else { return }
        _ = findings.attempt(object, "") {
            // Both are canonical, so that their texts are parts of the whole's.
            let text =
                "{\"files\":\(try row.text("files")),\"metadata\":\(try row.text("metadata"))}"
            let stated = try row.hex("contents_sha256", byteCount: Digest.byteCount)
            guard stated != Digest.sha256(Array(text.utf8)) else { return }
            findings.fault(
                object,
                "column contents_sha256",
                "not that of files and metadata: it or one of them is altered"
            )
        }
    }
}
