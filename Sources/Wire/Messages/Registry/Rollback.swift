extension V1 {
    /// Moves an alias to the version that served before the present one in its history. Versions
    /// that a rollback left, rejected and deleted ones are skipped: a second rollback goes further
    /// back, never forward.
    package struct RollbackRequest: WireMessage, Equatable {
        /// The model's name.
        package var model: String
        /// The alias's name; empty: `live`.
        package var alias: String
        /// 0: the one before.
        package var toVersion: UInt64
        /// As for SetAlias; clients send it, so that a retry is harmless.
        package var expectedGeneration: UInt64
        /// Kept in the alias's history.
        package var reason: String
        /// Whether to answer only when the alias has moved, or will not.
        package var waitReady: Bool

        package init(
            model: String = "",
            alias: String = "",
            toVersion: UInt64 = 0,
            expectedGeneration: UInt64 = 0,
            reason: String = "",
            waitReady: Bool = false
        ) {
            self.model = model
            self.alias = alias
            self.toVersion = toVersion
            self.expectedGeneration = expectedGeneration
            self.reason = reason
            self.waitReady = waitReady
        }
    }

    /// What the rollback did.
    package struct RollbackResponse: WireMessage, Equatable {
        /// The alias as it is now.
        package var alias: Alias?
        /// What the alias pointed to before; 0: nothing.
        package var previousVersion: UInt64
        /// Differences that break callers of the version that answered before.
        package var signatureChanges: [String]

        package init(
            alias: Alias? = nil,
            previousVersion: UInt64 = 0,
            signatureChanges: [String] = []
        ) {
            self.alias = alias
            self.previousVersion = previousVersion
            self.signatureChanges = signatureChanges
        }
    }
}

extension V1.RollbackRequest: TreeMessage {
    static let schema = MessageSchema.rollbackRequest

    init(_ fields: borrowing MessageView) {
        self.init(
            model: fields.string(1),
            alias: fields.string(2),
            toVersion: fields.uint64(3),
            expectedGeneration: fields.uint64(4),
            reason: fields.string(5),
            waitReady: fields.bool(6)
        )
    }

    func write(to writer: inout ProtoWriter) {
        writer.string(1, model)
        writer.string(2, alias)
        writer.uint64(3, toVersion)
        writer.uint64(4, expectedGeneration)
        writer.string(5, reason)
        writer.bool(6, waitReady)
    }
}

extension V1.RollbackResponse: TreeMessage {
    static let schema = MessageSchema.rollbackResponse

    init(_ fields: borrowing MessageView) {
        self.init(
            alias: fields.message(1, as: V1.Alias.self),
            previousVersion: fields.uint64(2),
            signatureChanges: fields.strings(3)
        )
    }

    func write(to writer: inout ProtoWriter) {
        writer.message(1, alias)
        writer.uint64(2, previousVersion)
        writer.strings(3, signatureChanges)
    }
}
