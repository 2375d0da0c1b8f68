extension V1 {
    /// Moves or makes an alias.
    package struct SetAliasRequest: WireMessage, Equatable {
        /// The model's name.
        package var model: String
        /// The alias's name.
        package var alias: String
        /// Where it is to point.
        package var version: UInt64
        /// 0: whatever it is; otherwise ABORTED when it moved meanwhile.
        package var expectedGeneration: UInt64
        /// Whether only to make it: ALREADY_EXISTS otherwise.
        package var mustNotExist: Bool
        /// Whether to answer only when the alias has moved, or will not.
        package var waitReady: Bool

        package init(
            model: String = "",
            alias: String = "",
            version: UInt64 = 0,
            expectedGeneration: UInt64 = 0,
            mustNotExist: Bool = false,
            waitReady: Bool = false
        ) {
            self.model = model
            self.alias = alias
            self.version = version
            self.expectedGeneration = expectedGeneration
            self.mustNotExist = mustNotExist
            self.waitReady = waitReady
        }
    }

    /// What the move did.
    package struct SetAliasResponse: WireMessage, Equatable {
        /// The alias as it is now.
        package var alias: Alias?
        /// What the alias pointed to before; 0: nothing.
        package var previousVersion: UInt64

        package init(alias: Alias? = nil, previousVersion: UInt64 = 0) {
            self.alias = alias
            self.previousVersion = previousVersion
        }
    }
}

extension V1.SetAliasRequest: TreeMessage {
    static let schema = MessageSchema.setAliasRequest

    init(_ fields: borrowing MessageView) {
        self.init(
            model: fields.string(1),
            alias: fields.string(2),
            version: fields.uint64(3),
            expectedGeneration: fields.uint64(4),
            mustNotExist: fields.bool(5),
            waitReady: fields.bool(6)
        )
    }

    func write(to writer: inout ProtoWriter) {
        writer.string(1, model)
        writer.string(2, alias)
        writer.uint64(3, version)
        writer.uint64(4, expectedGeneration)
        writer.bool(5, mustNotExist)
        writer.bool(6, waitReady)
    }
}

extension V1.SetAliasResponse: TreeMessage {
    static let schema = MessageSchema.setAliasResponse

    init(_ fields: borrowing MessageView) {
        self.init(alias: fields.message(1, as: V1.Alias.self), previousVersion: fields.uint64(2))
    }

    func write(to writer: inout ProtoWriter) {
        writer.message(1, alias)
        writer.uint64(2, previousVersion)
    }
}
