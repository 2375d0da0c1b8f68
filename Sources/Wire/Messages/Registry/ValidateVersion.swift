extension V1 {
    /// Loads a version again, runs its golden requests and stores the verdict.
    package struct ValidateVersionRequest: WireMessage, Equatable {
        /// The model's name.
        package var model: String
        /// The version's number.
        package var version: UInt64
        /// Whether to answer only when the verdict is known.
        package var waitReady: Bool

        package init(model: String = "", version: UInt64 = 0, waitReady: Bool = false) {
            self.model = model
            self.version = version
            self.waitReady = waitReady
        }
    }

    /// The version after the validation.
    package struct ValidateVersionResponse: WireMessage, Equatable {
        /// STORED, or REJECTED with the reason.
        package var version: Version?

        package init(version: Version? = nil) {
            self.version = version
        }
    }
}

extension V1.ValidateVersionRequest: TreeMessage {
    static let schema = MessageSchema.validateVersionRequest

    init(_ fields: borrowing MessageView) {
        self.init(model: fields.string(1), version: fields.uint64(2), waitReady: fields.bool(3))
    }

    func write(to writer: inout ProtoWriter) {
        writer.string(1, model)
        writer.uint64(2, version)
        writer.bool(3, waitReady)
    }
}

extension V1.ValidateVersionResponse: TreeMessage {
    static let schema = MessageSchema.validateVersionResponse

    init(_ fields: borrowing MessageView) {
        self.init(version: fields.message(1, as: V1.Version.self))
    }

    func write(to writer: inout ProtoWriter) {
        writer.message(1, version)
    }
}
