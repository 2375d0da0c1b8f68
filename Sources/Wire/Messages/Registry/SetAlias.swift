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
        /// Whether to move even if the target's signature breaks present callers.
        package var allowSignatureChange: Bool
        /// Whether to move even if every warm-up run of the target failed.
        package var force: Bool

        package init(
            model: String = "",
            alias: String = "",
            version: UInt64 = 0,
            expectedGeneration: UInt64 = 0,
            mustNotExist: Bool = false,
            waitReady: Bool = false,
            allowSignatureChange: Bool = false,
            force: Bool = false
        ) {
            self.model = model
            self.alias = alias
            self.version = version
            self.expectedGeneration = expectedGeneration
            self.mustNotExist = mustNotExist
            self.waitReady = waitReady
            self.allowSignatureChange = allowSignatureChange
            self.force = force
        }
    }

    /// What the move did.
    package struct SetAliasResponse: WireMessage, Equatable {
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

extension V1.SetAliasRequest: TreeMessage {
    static let schema = MessageSchema.setAliasRequest

    init(_ fields: borrowing MessageView) {
        self.init(
            model: fields.string(1),
            alias: fields.string(2),
            version: fields.uint64(3),
            expectedGeneration: fields.uint64(4),
            mustNotExist: fields.bool(5),
            waitReady: fields.bool(6),
            allowSignatureChange: fields.bool(7),
            force: fields.bool(8)
        )
    }

    func write(to writer: inout ProtoWriter) {
        writer.string(1, model)
        writer.string(2, alias)
        writer.uint64(3, version)
        writer.uint64(4, expectedGeneration)
        writer.bool(5, mustNotExist)
        writer.bool(6, waitReady)
        writer.bool(7, allowSignatureChange)
        writer.bool(8, force)
    }
}

extension V1.SetAliasResponse: TreeMessage {
    static let schema = MessageSchema.setAliasResponse

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
