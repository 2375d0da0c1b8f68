extension V1 {
    /// Asks whether the server, or one alias of a model, can answer.
    package struct CheckRequest: WireMessage, Equatable {
        /// Empty: the server; otherwise a model that the caller needs a grant on.
        package var model: String
        /// Of the model; empty: `live`.
        package var alias: String

        package init(model: String = "", alias: String = "") {
            self.model = model
            self.alias = alias
        }
    }

    /// How the server is.
    package struct CheckResponse: WireMessage, Equatable {
        /// The process answers.
        package var live: Bool
        /// The registry is open, the first reconcile done, and no drain begun; with a model: that
        /// alias can answer.
        package var ready: Bool
        /// The server's version.
        package var version: String

        package init(live: Bool = false, ready: Bool = false, version: String = "") {
            self.live = live
            self.ready = ready
            self.version = version
        }
    }
}

extension V1.CheckRequest: TreeMessage {
    static let schema = MessageSchema.checkRequest

    init(_ fields: borrowing MessageView) {
        self.init(model: fields.string(1), alias: fields.string(2))
    }

    func write(to writer: inout ProtoWriter) {
        writer.string(1, model)
        writer.string(2, alias)
    }
}

extension V1.CheckResponse: TreeMessage {
    static let schema = MessageSchema.checkResponse

    init(_ fields: borrowing MessageView) {
        self.init(live: fields.bool(1), ready: fields.bool(2), version: fields.string(3))
    }

    func write(to writer: inout ProtoWriter) {
        writer.bool(1, live)
        writer.bool(2, ready)
        writer.string(3, version)
    }
}
