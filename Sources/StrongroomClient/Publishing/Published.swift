package import Text
package import Wire

/// The options of a publication.
package struct PublishOptions: Sendable {
    /// nil moves none.
    package var alias: String?
    package var metadata: [ExactString: ExactString]
    /// nil: a digest of the bundle and the metadata.
    package var idempotencyKey: String?
    /// Whether the answer is to come when the alias has moved, or will not.
    package var wait: Bool
    /// Whether the alias moves even if the new signature breaks present callers.
    package var allowSignatureChange: Bool
    /// Whether the alias moves even if every warm-up run of the version failed.
    package var force: Bool

    package init(
        alias: String?,
        metadata: [ExactString: ExactString] = [:],
        idempotencyKey: String? = nil,
        wait: Bool = true,
        allowSignatureChange: Bool = false,
        force: Bool = false
    ) {
        self.alias = alias
        self.metadata = metadata
        self.idempotencyKey = idempotencyKey
        self.wait = wait
        self.allowSignatureChange = allowSignatureChange
        self.force = force
    }
}

/// The result of a publication.
package struct Published: Sendable {
    /// The version, in the contract's own message.
    package var version: V1.Version
    /// Why the alias was not moved to the version; nil if it was, is to be, or need not be.
    package var refusal: String?
    /// Whether the alias is to move to the version and has not yet.
    package var isPending = false
    /// The differences of the signature that break callers of the version before.
    package var signatureChanges: [String] = []
}

extension V1.Version {
    /// Whether a server is loading it: it has no verdict yet, and its move no end.
    package var isBeingTried: Bool { replicas.contains { $0.load == .loading } }

    /// Whether a server has it loaded.
    var isReady: Bool { replicas.contains { $0.load == .ready } }
}
