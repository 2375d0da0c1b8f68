internal import JSON
internal import Sealing
internal import Text
internal import Wire

/// The signed record of a version, as far as an export needs it: which files there are.
struct SignedRecord {
    /// One file, as it was signed.
    struct File: Sendable, Equatable {
        let path: ExactString
        let size: UInt64
        let sha256: [UInt8]
    }

    private static let type = "strongroom/version/v1"

    let files: [File]
    /// Bytes of all files.
    let bytes: UInt64

    /// Reads a record; check its signature first, if there is a key.
    /// - Throws: ``StrongroomError`` `DATA_LOSS` for a record of another version, or of none.
    init(_ record: [UInt8], model: String, version: UInt64) throws {
        let document: JSONValue
        do {
            document = try JSONValue(parsing: record)
        } catch {
            throw Self.failure("it is not JSON: \(error)")
        }
        guard document["type"] == .string(Self.type), document["model"] == .string(model),
            document["version"] == .number(String(version))
        else { throw Self.failure("it is not that of model \(quoted(model)), version \(version)") }
        guard case .array(let values)? = document["files"] else {
            throw Self.failure("it lists no files")
        }
        files = try values.map(Self.file)
        var bytes: UInt64 = 0
        for file in files {
            let (sum, overflows) = bytes.addingReportingOverflow(file.size)
            guard !overflows else { throw Self.failure("its files have no size") }
            bytes = sum
        }
        self.bytes = bytes
    }

    private static func file(_ value: JSONValue) throws -> File {
        guard case .string(let name)? = value["path"], case .number(let size)? = value["size"],
            let size = UInt64(size), case .string(let digest)? = value["sha256"],
            let digest = Hex.decode(digest), digest.count == Digest.byteCount
        else { throw failure("a file in it has no path, size or SHA-256") }
        let path = ExactString(name)
        try ExportPath.check(path)
        return File(path: path, size: size, sha256: digest)
    }

    private static func failure(_ problem: String) -> StrongroomError {
        StrongroomError(.dataLoss, "the version's record cannot be used: \(problem)")
    }
}
