extension V1 {
    /// Drops an upload and what it holds.
    package struct AbortPublishRequest: WireMessage, Equatable {
        /// What BeginPublish answered.
        package var uploadID: String

        package init(uploadID: String = "") {
            self.uploadID = uploadID
        }
    }

    /// The upload is gone.
    package struct AbortPublishResponse: WireMessage, Equatable {
        package init() {}
    }
}

extension V1.AbortPublishRequest: TreeMessage {
    static let schema = MessageSchema.abortPublishRequest

    init(_ fields: borrowing MessageView) {
        self.init(uploadID: fields.string(1))
    }

    func write(to writer: inout ProtoWriter) {
        writer.string(1, uploadID)
    }
}

extension V1.AbortPublishResponse: TreeMessage {
    static let schema = MessageSchema.abortPublishResponse

    init(_ fields: borrowing MessageView) {
        self.init()
    }

    func write(to writer: inout ProtoWriter) {}
}
