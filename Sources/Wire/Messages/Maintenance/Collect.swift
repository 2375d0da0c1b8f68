extension V1 {
    /// Frees what no version, no open upload and no running load refers to.
    package struct CollectRequest: WireMessage, Equatable {
        /// False: only say what would be freed.
        package var apply: Bool

        package init(apply: Bool = false) {
            self.apply = apply
        }
    }

    /// What was freed, or would be.
    package struct CollectResponse: WireMessage, Equatable {
        /// Sealed files that nothing refers to.
        package var blobs: UInt64
        /// Their bytes.
        package var blobBytes: UInt64
        /// Folders of uploads that are over.
        package var uploads: UInt64
        /// Their bytes.
        package var uploadBytes: UInt64
        /// Of these, what could not be removed.
        package var failed: UInt64

        package init(
            blobs: UInt64 = 0,
            blobBytes: UInt64 = 0,
            uploads: UInt64 = 0,
            uploadBytes: UInt64 = 0,
            failed: UInt64 = 0
        ) {
            self.blobs = blobs
            self.blobBytes = blobBytes
            self.uploads = uploads
            self.uploadBytes = uploadBytes
            self.failed = failed
        }
    }
}

extension V1.CollectRequest: TreeMessage {
    static let schema = MessageSchema.collectRequest

    init(_ fields: borrowing MessageView) {
        self.init(apply: fields.bool(1))
    }

    func write(to writer: inout ProtoWriter) {
        writer.bool(1, apply)
    }
}

extension V1.CollectResponse: TreeMessage {
    static let schema = MessageSchema.collectResponse

    init(_ fields: borrowing MessageView) {
        self.init(
            blobs: fields.uint64(1),
            blobBytes: fields.uint64(2),
            uploads: fields.uint64(3),
            uploadBytes: fields.uint64(4),
            failed: fields.uint64(5)
        )
    }

    func write(to writer: inout ProtoWriter) {
        writer.uint64(1, blobs)
        writer.uint64(2, blobBytes)
        writer.uint64(3, uploads)
        writer.uint64(4, uploadBytes)
        writer.uint64(5, failed)
    }
}
