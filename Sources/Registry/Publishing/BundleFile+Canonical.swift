internal import Sealing
internal import Text

extension BundleFile {
    /// Files in their order, as an upload's row keeps them and its idempotency key compares them.
    static func canonical(_ files: [BundleFile]) -> CanonicalValue {
        .array(
            files.map { file in
                .object([
                    "path": .string(file.path.text), "sha256": .hex(file.sha256),
                    "size": .integer(Int64(file.size)),
                ])
            }
        )
    }

    /// Reads ``canonical(_:)``.
    static func list(canonical value: CanonicalValue) throws -> [BundleFile] {
        guard case .array(let elements) = value else {
            throw RegistryError(.dataLoss, "upload: files are not an array")
        }
        return try elements.map { element in
            var fields = try CanonicalReader(element, what: "upload: file")
            let file = BundleFile(
                path: ExactString(try fields.string("path")),
                size: try fields.unsigned("size"),
                sha256: try fields.hex("sha256", byteCount: Digest.byteCount)
            )
            try fields.finish()
            return file
        }
    }
}
