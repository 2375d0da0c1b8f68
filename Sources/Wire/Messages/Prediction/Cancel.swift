extension V1 {
    /// Ends the caller's own outstanding calls with that id: they answer CANCELLED. None
    /// outstanding: NOT_FOUND.
    package struct CancelRequest: WireMessage, Equatable {
        /// The identifier of the calls.
        package var requestID: String

        package init(requestID: String = "") {
            self.requestID = requestID
        }
    }

    /// The calls are cancelled.
    package struct CancelResponse: WireMessage, Equatable {
        package init() {}
    }
}

extension V1.CancelRequest: TreeMessage {
    static let schema = MessageSchema.cancelRequest

    init(_ fields: borrowing MessageView) {
        self.init(requestID: fields.string(1))
    }

    func write(to writer: inout ProtoWriter) {
        writer.string(1, requestID)
    }
}

extension V1.CancelResponse: TreeMessage {
    static let schema = MessageSchema.cancelResponse

    init(_ fields: borrowing MessageView) {
        self.init()
    }

    func write(to writer: inout ProtoWriter) {}
}
