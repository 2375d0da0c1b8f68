extension V1 {
    /// Deletes a version; FAILED_PRECONDITION while an alias points to it.
    package struct DeleteVersionRequest: WireMessage, Equatable {
        /// The model's name.
        package var model: String
        /// The version's number.
        package var version: UInt64

        package init(model: String = "", version: UInt64 = 0) {
            self.model = model
            self.version = version
        }
    }

    /// The version is deleted.
    package struct DeleteVersionResponse: WireMessage, Equatable {
        package init() {}
    }
}

extension V1.DeleteVersionRequest: TreeMessage {
    static let schema = MessageSchema.deleteVersionRequest

    init(_ fields: borrowing MessageView) {
        self.init(model: fields.string(1), version: fields.uint64(2))
    }

    func write(to writer: inout ProtoWriter) {
        writer.string(1, model)
        writer.uint64(2, version)
    }
}

extension V1.DeleteVersionResponse: TreeMessage {
    static let schema = MessageSchema.deleteVersionResponse

    init(_ fields: borrowing MessageView) {
        self.init()
    }

    func write(to writer: inout ProtoWriter) {}
}
