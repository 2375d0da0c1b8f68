extension V1 {
    /// Removes an alias; its generations are not used again.
    package struct DeleteAliasRequest: WireMessage, Equatable {
        /// The model's name.
        package var model: String
        /// The alias's name.
        package var alias: String
        /// As for SetAlias.
        package var expectedGeneration: UInt64

        package init(model: String = "", alias: String = "", expectedGeneration: UInt64 = 0) {
            self.model = model
            self.alias = alias
            self.expectedGeneration = expectedGeneration
        }
    }

    /// The alias is gone.
    package struct DeleteAliasResponse: WireMessage, Equatable {
        package init() {}
    }
}

extension V1.DeleteAliasRequest: TreeMessage {
    static let schema = MessageSchema.deleteAliasRequest

    init(_ fields: borrowing MessageView) {
        self.init(
            model: fields.string(1),
            alias: fields.string(2),
            expectedGeneration: fields.uint64(3)
        )
    }

    func write(to writer: inout ProtoWriter) {
        writer.string(1, model)
        writer.string(2, alias)
        writer.uint64(3, expectedGeneration)
    }
}

extension V1.DeleteAliasResponse: TreeMessage {
    static let schema = MessageSchema.deleteAliasResponse

    init(_ fields: borrowing MessageView) {
        self.init()
    }

    func write(to writer: inout ProtoWriter) {}
}
