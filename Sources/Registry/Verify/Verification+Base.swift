internal import Sealing

extension Verification {
    /// What the checks of versions need.
    struct Base {
        /// nil unless it can be trusted.
        var head: CatalogueHead?
        var registryID: [UInt8]?
        var publicKey: VerifyingKey?
        /// nil without keys.
        var signing: SigningKey?
        /// Whether every table says what the signed head says.
        var isHeadClean = false
        /// Whether the audit log ends where the head says, as far as it can say.
        var endsLog = true
        /// The registry's own key.
        var cardKey: SecretKey?
    }

    /// Checks head, signing key and the registry's own key.
    func checkBase(_ metadata: MetadataStore) -> Base {
        var base = Base()
        let publicKey = findings.attempt("signing.pub.pem", "") {
            try SigningKeyFile.publicKey(folder: places.keyFolder)
        }
        base.publicKey = publicKey
        let outcome = findings.attempt(HeadCheck.object, "") {
            try metadata.read { transaction in
                try HeadCheck(publicKey: publicKey, findings: findings).run(transaction)
            }
        }
        base.head = outcome?.head
        base.registryID = outcome?.registryID
        base.isHeadClean = outcome?.isClean ?? false
        base.endsLog = outcome?.endsLog ?? true
        if let registryID = base.registryID {
            checkSigningKey(registryID, &base)
            base.cardKey = checkOwnKey(metadata, registryID)
            checkStrayKeys(metadata, registryID)
        }
        return base
    }

    /// The wrapped seed, and that the public half belongs to it.
    private func checkSigningKey(_ registryID: [UInt8], _ base: inout Base) {
        guard let provider = keys.current else { return }
        do {
            base.signing = try SigningKeyFile.open(
                folder: places.keyFolder,
                provider: provider,
                registryID: registryID
            )
            base.publicKey = base.signing?.publicKey
        } catch {
            findings.fault("signing key", "", error.message)
        }
    }

    private func checkOwnKey(_ metadata: MetadataStore, _ registryID: [UInt8]) -> SecretKey? {
        let row = findings.attempt("the registry's own key", "wrapped key") {
            try metadata.read { try $0.checkedKey(bundleID: Hex.encode(registryID)) }
        }
        guard let row else { return nil }
        return KeyRowCheck(
            object: "the registry's own key",
            model: "",
            bundleID: registryID,
            registryID: registryID,
            keys: keys,
            findings: findings
        ).run(row)
    }

    private func checkStrayKeys(_ metadata: MetadataStore, _ registryID: [UInt8]) {
        _ = findings.attempt("wrapped keys", "") {
            let rows = try metadata.read { transaction in
                try transaction.strayKeys(
                    registryID: Hex.encode(registryID),
                    limit: Limits.maxNamedFindings
                )
            }
            for row in rows {
                findings.fault(
                    "wrapped key of bundle '\(try row.text("bundle_id"))'",
                    "bundle_id",
                    "no version that is kept and no open upload has it"
                )
            }
        }
    }
}
