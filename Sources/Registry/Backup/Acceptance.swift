internal import Sealing

/// A person's word that a registry which is not known to be the newest is to go on as it is.
package struct Acceptance: Sendable {
    /// Who accepts, for the audit log.
    package let principal: String
    /// Why.
    package let reason: String

    /// - Throws: `invalidArgument` for a reason that is empty or above
    ///   ``Limits/maxReasonBytes``.
    package init(principal: String, reason: String) throws(RegistryError) {
        guard !reason.isEmpty else {
            throw RegistryError(.invalidArgument, "reason: empty, expected why it is accepted")
        }
        try Reason.check(reason)
        self.principal = principal
        self.reason = reason
    }

    /// What was accepted.
    package struct Accepted: Sendable, Equatable {
        /// What the second place held; `nil` if it was missing.
        package let seen: UInt64?
        /// Of the head that was found.
        package let found: UInt64
        /// Of the head that was signed in its place: above both.
        package let sequence: UInt64
    }

    /// Signs a head above all that was seen, with the event that says so. The second place is
    /// for the caller to write, afterwards: a crash in between leaves it behind the head, as
    /// after any change.
    func record(
        in metadata: MetadataStore,
        on before: SignedCatalogue,
        seen: UInt64?,
        signing: SigningKey,
        clock: WallClock,
        steps: Steps
    ) throws -> Accepted {
        let seenText = seen.map { String($0) } ?? "none"
        guard (seen ?? 0) < UInt64(Int64.max) else {
            throw RegistryError(
                .failedPrecondition,
                "the sequence kept beside the keys is none that a registry reaches: \(seenText)"
            )
        }
        let found = before.head.sequence
        let sequence = try metadata.write { transaction in
            try steps.reach(.transactionBegin)
            var change = try Change(
                transaction,
                before: before,
                signing: signing,
                nowUnixMs: clock.nowUnixMs
            )
            change.passOver(seen ?? 0)
            try change.log(
                AuditAction.restoreAccept,
                principal: principal,
                model: "",
                detail: "seen \(seenText), found \(found): \(reason)"
            )
            try steps.reach(.head)
            let sequence = try change.seal()
            try steps.reach(.transactionCommit)
            return sequence
        }
        guard let sequence else {
            throw RegistryError(.internalFailure, "the acceptance was not recorded")
        }
        return Accepted(seen: seen, found: found, sequence: sequence)
    }
}
