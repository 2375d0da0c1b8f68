package import Text

extension V1 {
    /// One file of a bundle.
    package struct File: WireMessage, Equatable {
        /// Relative, inside the bundle, for instance `model.yaml` or `golden/0.json`.
        package var path: ExactString
        /// Plaintext size in bytes.
        package var size: UInt64
        /// Of the plaintext, 32 bytes.
        package var sha256: [UInt8]

        package init(path: ExactString = "", size: UInt64 = 0, sha256: [UInt8] = []) {
            self.path = path
            self.size = size
            self.sha256 = sha256
        }
    }
}

extension V1.File: TreeMessage {
    static let schema = MessageSchema.file

    init(_ fields: borrowing MessageView) {
        self.init(
            path: ExactString(fields.string(1)),
            size: fields.uint64(2),
            sha256: fields.bytes(3)
        )
    }

    func write(to writer: inout ProtoWriter) {
        writer.string(1, path.text)
        writer.uint64(2, size)
        writer.bytes(3, sha256)
    }
}
