extension Verification {
    /// Checks what nothing signs: with a whole audit log by what it says, otherwise by itself.
    func checkHistory(_ metadata: MetadataStore, _ base: Base, _ log: AuditCheck.Outcome) {
        if log.isWhole, base.endsLog {
            LogReplay(
                metadata: metadata,
                findings: findings,
                comparesTargets: base.head == nil,
                hasMoveOverrides: metadata.format.hasMoveOverrides
            ).run()
        } else {
            findings.note(
                AuditCheck.object,
                "",
                "is damaged: states, aliases and their history were not compared with it"
            )
            _ = findings.attempt("aliases", "") {
                try metadata.read { transaction in
                    try AliasCheck(transaction: transaction, findings: findings).run()
                }
            }
        }
        checkModels(metadata)
    }

    private func checkModels(_ metadata: MetadataStore) {
        _ = findings.attempt("models", "") {
            for row in try metadata.read({
                try $0.unevenModels(limit: Limits.maxNamedFindings)
            }) {
                findings.fault(
                    "model '\(try row.text("name"))'",
                    "column newest",
                    "\(try row.integer("newest")), and it has \(try row.integer("held")) versions"
                )
            }
        }
    }
}
