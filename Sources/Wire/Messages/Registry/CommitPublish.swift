extension V1 {
    /// Makes a complete upload a version.
    package struct CommitPublishRequest: WireMessage, Equatable {
        /// What BeginPublish answered.
        package var uploadID: String
        /// Asks this alias to move to the new version; empty: none.
        package var alias: String
        /// Whether to answer only when the alias has moved or been superseded, or the version was
        /// rejected; without an alias: when it was validated.
        package var waitReady: Bool
        /// Whether to move the alias even if the new signature breaks present callers.
        package var allowSignatureChange: Bool
        /// Whether to move the alias even if every warm-up run of the version failed.
        package var force: Bool

        package init(
            uploadID: String = "",
            alias: String = "",
            waitReady: Bool = false,
            allowSignatureChange: Bool = false,
            force: Bool = false
        ) {
            self.uploadID = uploadID
            self.alias = alias
            self.waitReady = waitReady
            self.allowSignatureChange = allowSignatureChange
            self.force = force
        }
    }

    /// What became of the upload.
    package struct CommitPublishResponse: WireMessage, Equatable {
        /// The new version, STORED or REJECTED.
        package var version: Version?
        /// Differences that break callers of the version that answers now.
        package var signatureChanges: [String]

        package init(version: Version? = nil, signatureChanges: [String] = []) {
            self.version = version
            self.signatureChanges = signatureChanges
        }
    }
}

extension V1.CommitPublishRequest: TreeMessage {
    static let schema = MessageSchema.commitPublishRequest

    init(_ fields: borrowing MessageView) {
        self.init(
            uploadID: fields.string(1),
            alias: fields.string(2),
            waitReady: fields.bool(3),
            allowSignatureChange: fields.bool(4),
            force: fields.bool(5)
        )
    }

    func write(to writer: inout ProtoWriter) {
        writer.string(1, uploadID)
        writer.string(2, alias)
        writer.bool(3, waitReady)
        writer.bool(4, allowSignatureChange)
        writer.bool(5, force)
    }
}

extension V1.CommitPublishResponse: TreeMessage {
    static let schema = MessageSchema.commitPublishResponse

    init(_ fields: borrowing MessageView) {
        self.init(
            version: fields.message(1, as: V1.Version.self),
            signatureChanges: fields.strings(2)
        )
    }

    func write(to writer: inout ProtoWriter) {
        writer.message(1, version)
        writer.strings(2, signatureChanges)
    }
}
