internal import Sealing

/// Checks the audit log alone: its chain from the first event on, and that the signed head covers
/// the newest one, so that a tail that was cut off shows. Needs no keys, and may run while a
/// server has the registry open.
package struct AuditVerification: Sendable {
    private let places: Verification.Places
    private let findings: Findings

    /// What was looked at.
    package struct Summary: Sendable, Equatable {
        /// Events of the log.
        package internal(set) var events: UInt64 = 0
        /// The number of the newest event that the head covers; 0 if the head cannot be trusted.
        package internal(set) var sequence: UInt64 = 0
        /// What is wrong.
        package internal(set) var faults: UInt64 = 0
    }

    /// - Parameter finding: Told each fault as it is found.
    package init(places: Verification.Places, finding: @escaping @Sendable (Finding) -> Void) {
        self.places = places
        findings = Findings(finding)
    }

    /// Checks the log.
    ///
    /// - Parameter checkpoint: Of this registry, from before: the event that it covers must still
    ///   be there, with the hash that it had then.
    package func run(checkpoint: Checkpoint?) -> Summary {
        var summary = Summary()
        check(checkpoint, &summary)
        summary.faults = UInt64(findings.faults)
        return summary
    }

    private func check(_ checkpoint: Checkpoint?, _ summary: inout Summary) {
        let publicKey = findings.attempt("signing.pub.pem", "") {
            try SigningKeyFile.publicKey(folder: places.keyFolder)
        }
        let metadata = findings.attempt("database", "") {
            try MetadataStore.openForReading(places.layout.databasePath)
        }
        guard let metadata else { return }
        defer { try? metadata.close() }
        SchemaCheck(metadata: metadata, findings: findings).run()
        let head = findings.attempt(HeadCheck.object, "") {
            try metadata.read { transaction in
                try HeadCheck(publicKey: publicKey, findings: findings, comparesAliases: false)
                    .run(transaction)
            }
        }?.head
        let kept = checkpoint.flatMap { self.head(of: $0, publicKey) }
        if let kept, let head { compare(kept, head) }
        summary.sequence = head?.auditSequence ?? 0
        summary.events =
            AuditCheck(metadata: metadata, findings: findings).run(
                last: head?.auditSequence,
                checkpoint: kept.map { ($0.auditSequence, $0.auditSHA256) }
            ).events
    }

    private func head(of checkpoint: Checkpoint, _ publicKey: VerifyingKey?) -> CatalogueHead? {
        guard let publicKey else { return nil }
        guard publicKey.verify(signature: checkpoint.signature, over: checkpoint.head) else {
            findings.fault(
                "checkpoint",
                "signature",
                "does not hold: it was altered, or is another registry's"
            )
            return nil
        }
        return findings.attempt("checkpoint", "head") {
            try CatalogueHead(verified: checkpoint.head)
        }
    }

    private func compare(_ kept: CatalogueHead, _ head: CatalogueHead) {
        if kept.registryID != head.registryID {
            findings.fault("checkpoint", "registry", "is another registry's")
        }
        if kept.sequence > head.sequence {
            findings.fault(
                HeadCheck.object,
                "sequence",
                "\(head.sequence) is before the checkpoint's \(kept.sequence): the store is an "
                    + "older copy"
            )
        }
    }

    /// The signed head as it is now, to be kept elsewhere.
    ///
    /// - Throws: `unavailable` if the database or the public key cannot be read; `dataLoss` if the
    ///   head's signature does not hold.
    package static func checkpoint(_ places: Verification.Places) throws -> Checkpoint {
        let publicKey: VerifyingKey
        do {
            publicKey = try SigningKeyFile.publicKey(folder: places.keyFolder)
        } catch {
            throw RegistryError.sealing(error, "the public signing key cannot be read")
        }
        let metadata = try MetadataStore.openForReading(places.layout.databasePath)
        defer { try? metadata.close() }
        guard let stored = try metadata.read({ try $0.head() }),
            publicKey.verify(signature: stored.signature, over: stored.head)
        else {
            throw RegistryError(.dataLoss, "the catalogue's head is missing or damaged")
        }
        return Checkpoint(head: stored.head, signature: stored.signature)
    }
}
