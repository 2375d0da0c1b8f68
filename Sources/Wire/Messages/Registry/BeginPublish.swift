package import Text

extension V1 {
    /// Begins or finds again a resumable upload: begin, chunks, commit.
    package struct BeginPublishRequest: WireMessage, Equatable {
        /// The model's name.
        package var model: String
        /// The files of the bundle.
        package var files: [File]
        /// Free text of the publisher's.
        package var metadata: [ExactString: ExactString]
        /// The same key again finds the same upload, or the version that it became.
        package var idempotencyKey: String

        package init(
            model: String = "",
            files: [File] = [],
            metadata: [ExactString: ExactString] = [:],
            idempotencyKey: String = ""
        ) {
            self.model = model
            self.files = files
            self.metadata = metadata
            self.idempotencyKey = idempotencyKey
        }
    }

    /// How to upload.
    package struct BeginPublishResponse: WireMessage, Equatable {
        /// Names the upload in the calls that follow.
        package var uploadID: String
        /// Size of every chunk but a file's last, in bytes.
        package var chunkBytes: UInt32
        /// Set when the idempotency key already became this version.
        package var version: UInt64

        package init(uploadID: String = "", chunkBytes: UInt32 = 0, version: UInt64 = 0) {
            self.uploadID = uploadID
            self.chunkBytes = chunkBytes
            self.version = version
        }
    }
}

extension V1.BeginPublishRequest: TreeMessage {
    static let schema = MessageSchema.beginPublishRequest

    init(_ fields: borrowing MessageView) {
        self.init(
            model: fields.string(1),
            files: fields.messages(2, as: V1.File.self),
            metadata: fields.map(3),
            idempotencyKey: fields.string(4)
        )
    }

    func write(to writer: inout ProtoWriter) {
        writer.string(1, model)
        writer.messages(2, files)
        writer.map(3, metadata)
        writer.string(4, idempotencyKey)
    }
}

extension V1.BeginPublishResponse: TreeMessage {
    static let schema = MessageSchema.beginPublishResponse

    init(_ fields: borrowing MessageView) {
        self.init(
            uploadID: fields.string(1),
            chunkBytes: fields.uint32(2),
            version: fields.uint64(3)
        )
    }

    func write(to writer: inout ProtoWriter) {
        writer.string(1, uploadID)
        writer.uint32(2, chunkBytes)
        writer.uint64(3, version)
    }
}
