internal import Sealing
internal import Text

/// What an upload was begun with, of which its row has the digest.
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

    /// Compares both with the digest.
    func checkDigest() {
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
