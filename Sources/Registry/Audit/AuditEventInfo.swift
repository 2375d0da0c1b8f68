/// One entry of the audit log: who did what to what, chained to the entry before.
package struct AuditEventInfo: Sendable, Equatable {
    /// 1, 2, 3 ... without gaps.
    package let sequence: UInt64
    /// When, in milliseconds since 1970.
    package let unixMs: Int64
    /// Who; ``AuditAction/serverPrincipal`` for what the server itself did.
    package let principal: String
    /// What: a value of ``AuditAction``.
    package let action: String
    /// To which model; empty for the registry as a whole.
    package let model: String
    /// To which version; 0: none.
    package let version: UInt64
    /// The rest, in words.
    package let detail: String
    /// The hash of the entry before; 32 zeros for the first.
    package let previousHash: [UInt8]
    /// SHA-256 over all of the above.
    package let hash: [UInt8]
}

/// The names of what the log records.
package enum AuditAction {
    /// The principal of events that the server itself caused.
    package static let serverPrincipal = "server"
    /// The registry was created.
    package static let initialise = "init"
    /// A version was committed.
    package static let publish = "publish"
    /// An alias was asked to move.
    package static let aliasSet = "alias.set"
    /// An alias was asked to go back.
    package static let rollback = "rollback"
    /// An alias was removed.
    package static let aliasDelete = "alias.delete"
    /// A move's version began to answer.
    package static let aliasServed = "alias.served"
    /// A move's version cannot serve.
    package static let aliasRejected = "alias.rejected"
    /// A version was found unable to serve.
    package static let versionReject = "version.reject"
    /// A rejected version was tried again, and may serve.
    package static let versionValidate = "version.validate"
    /// A version's data key was destroyed.
    package static let versionDelete = "version.delete"
    /// A registry that is not known to be the newest was accepted as it is.
    package static let restoreAccept = "restore.accept"
    /// The keys were brought under a new key-encryption key.
    package static let keyRotate = "key.rotate"
    /// What nothing referred to was freed.
    package static let collect = "collect"
    /// Damaged files were moved aside, indexes rebuilt, or lost uploads given up.
    package static let repair = "repair"
}
