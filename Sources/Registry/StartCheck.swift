internal import Sealing

/// What has to hold before a registry answers anything.
///
/// A damaged version is not looked for here: the rest of the registry can serve without it, and
/// whoever asks for it is told.
struct StartCheck {
    let metadata: MetadataStore
    /// `nil` where nothing is unwrapped: all but the keys is checked with public keys.
    let keys: (any KeyProvider)?

    /// The head's row.
    func storedHead() throws -> StoredHead {
        let stored: StoredHead?
        do {
            stored = try metadata.read { try $0.head() }
        } catch let error as RegistryError {
            throw refusal("the catalogue's head is damaged", "\(error)")
        }
        guard let stored, stored.registryID.count == SealingLimits.idBytes else {
            throw refusal("the catalogue's head is missing", "was the registry created whole?")
        }
        return stored
    }

    /// The signing key; what is wrong with it is a reason not to start.
    func signingKey(
        _ registryID: [UInt8],
        from source: ([UInt8]) throws -> SigningKey
    ) throws -> SigningKey {
        do {
            return try source(registryID)
        } catch let error as SealingError {
            throw refusal("the signing key cannot be opened", "\(error)")
        }
    }

    /// Checks the head's signature, and that the tables say what it says.
    func checkHead(_ stored: StoredHead, key: VerifyingKey) throws {
        guard key.verify(signature: stored.signature, over: stored.head) else {
            throw refusal(
                "the catalogue's head is damaged, or signed with another key",
                "its signature does not hold"
            )
        }
        let head: CatalogueHead
        do {
            head = try CatalogueHead(verified: stored.head)
        } catch {
            throw refusal("the catalogue's head cannot be read", "\(error)")
        }
        guard head.registryID == stored.registryID, head.sequence == stored.sequence,
            head.recordSHA256 == stored.recordSHA256
        else { throw refusal("the catalogue is not the one that was signed", "head's columns") }
        try metadata.read { transaction in
            guard try transaction.headAliases() == head.aliases else {
                throw refusal("the catalogue is not the one that was signed", "aliases differ")
            }
            let event = try transaction.newestAuditEvent()
            guard let event, event.sequence == head.auditSequence,
                event.hash == head.auditSHA256, event.isIntact
            else {
                throw refusal(
                    "the audit log is not the one that was signed",
                    "the newest event is not number \(head.auditSequence)"
                )
            }
        }
    }

    /// Follows the audit log from its first event to the one that the head covers, and checks that
    /// the tables that no head states are what the events make of them. The head was checked.
    ///
    /// - Parameter dataVersion: Of the writing connection, before any row was read.
    /// - Throws: `unavailable` that names the first row that differs.
    func catalogue(_ stored: StoredHead, dataVersion: Int64?) throws -> SignedCatalogue {
        do {
            let head = try CatalogueHead(verified: stored.head)
            return try metadata.read { transaction in
                let (told, newest) = try LogWalk(transaction: transaction).run()
                guard let newest, newest.sequence == head.auditSequence,
                    newest.hash == head.auditSHA256
                else { throw RegistryFault("audit", "\(head.auditSequence)") }
                let rows = CatalogueRows(transaction: transaction, told: told)
                try rows.checkAll()
                return SignedCatalogue(
                    stored: stored,
                    head: head,
                    event: newest,
                    told: told,
                    dataVersion: dataVersion
                )
            }
        } catch let fault as RegistryFault {
            throw refusal("\(fault)", "it is not what the audit log says; see `strongroom verify`")
        }
    }

    /// Compares the head with the second place, and brings that one up to date: a crash between
    /// a commit and its second place leaves it behind. A next number that lies beside it belongs
    /// to that commit, or to one that was never made: the head says which.
    func checkSequence(_ sequence: UInt64, _ file: SequenceFile) throws {
        let seen = try file.read()
        if let doubt = StartCheck.doubt(sequence, seen: seen, path: file.path) { throw doubt }
        if seen != sequence { try file.write(sequence) }
        // What cannot be removed is in nobody's way, and is removed by the next change.
        try? file.discard()
    }

    /// Why a head is not known to be the newest; `nil` if it is.
    ///
    /// - Parameters:
    ///   - seen: What the second place holds; `nil` if it is missing.
    ///   - path: Where the second place is.
    static func doubt(_ sequence: UInt64, seen: UInt64?, path: String) -> RegistryError? {
        guard let seen else {
            return RegistryError(
                .unavailable,
                "the sequence kept beside the keys is missing",
                detail: "\(path) does not exist",
                isAcceptable: true
            )
        }
        guard seen > sequence else { return nil }
        return RegistryError(
            .unavailable,
            "the registry is an older copy: its sequence is \(sequence), and \(seen) was seen "
                + "before",
            detail: "\(path) holds \(seen)",
            isAcceptable: true
        )
    }

    /// Unwraps the registry's own key, and one key under every other key-encryption key, so that
    /// a missing one is noticed now and not at the first load.
    func unwrapKeys(registryID: [UInt8]) throws -> SecretKey {
        guard let keys else {
            throw RegistryError(.internalFailure, "the registry was opened without keys")
        }
        do {
            let stored = try metadata.read { transaction in
                (
                    own: try transaction.wrappedKey(bundleID: registryID),
                    others: try transaction.oneKeyOfEach()
                )
            }
            guard let own = stored.own else {
                throw refusal("the registry's own key is missing", "no row in wrapped_keys")
            }
            let key = try keys.unwrap(own, context: .registryKey(registryID: registryID))
            for other in stored.others where other.wrapped.kekID != own.kekID {
                try checkHeld(other, keys, registryID: registryID)
            }
            return key
        } catch let error as SealingError {
            throw refusal("a key-encryption key is wrong or missing", "\(error)")
        }
    }

    /// A key that does not unwrap may be one damaged row, which concerns one version alone; one
    /// that is not held concerns them all.
    private func checkHeld(
        _ stored: StoredKey,
        _ keys: any KeyProvider,
        registryID: [UInt8]
    ) throws {
        do {
            _ = try keys.unwrap(
                stored.wrapped,
                context: WrapContext(
                    registryID: registryID,
                    model: stored.model,
                    bundleID: stored.bundleID
                )
            )
        } catch let error
            where error.code == SealingError.Code.keyMissing
            || error.code == SealingError.Code.keyAccess
        {
            throw error
        } catch {
            return
        }
    }

    private func refusal(_ message: String, _ detail: String) -> RegistryError {
        RegistryError(.unavailable, message, detail: detail)
    }
}
