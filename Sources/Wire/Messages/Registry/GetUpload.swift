extension V1 {
    /// Asks how far an upload has come, to resume it.
    package struct GetUploadRequest: WireMessage, Equatable {
        /// What BeginPublish answered.
        package var uploadID: String

        package init(uploadID: String = "") {
            self.uploadID = uploadID
        }
    }

    /// How far each file has come.
    package struct GetUploadResponse: WireMessage, Equatable {
        /// For each file, its first byte not yet held.
        package var nextOffsets: [UInt64]
        /// Set once committed.
        package var version: UInt64

        package init(nextOffsets: [UInt64] = [], version: UInt64 = 0) {
            self.nextOffsets = nextOffsets
            self.version = version
        }
    }
}

extension V1.GetUploadRequest: TreeMessage {
    static let schema = MessageSchema.getUploadRequest

    init(_ fields: borrowing MessageView) {
        self.init(uploadID: fields.string(1))
    }

    func write(to writer: inout ProtoWriter) {
        writer.string(1, uploadID)
    }
}

extension V1.GetUploadResponse: TreeMessage {
    static let schema = MessageSchema.getUploadResponse

    init(_ fields: borrowing MessageView) {
        self.init(nextOffsets: fields.uint64s(1), version: fields.uint64(2))
    }

    func write(to writer: inout ProtoWriter) {
        writer.packed(1, nextOffsets)
        writer.uint64(2, version)
    }
}
