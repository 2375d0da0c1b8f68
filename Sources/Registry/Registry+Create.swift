package import Sealing

extension Registry {
    /// Makes a registry: a server's id, the database, the first signed head and the first audit
    /// event. It is not opened.
    ///
    /// - Parameters:
    ///   - layout: Where it is to live; the parent folders of both places have to exist.
    ///   - registryID: 16 random bytes, which the signing key's seal is already bound to.
    ///   - keys: What its data keys are to be wrapped with.
    ///   - signing: What its records and heads are to be signed with.
    ///   - principal: Who is said to have done it in the audit log.
    /// - Throws: `alreadyExists` if there is a registry; it is not touched.
    package static func create(
        layout: RegistryLayout,
        registryID: [UInt8],
        keys: any KeyProvider,
        signing: SigningKey,
        clock: WallClock = .system,
        principal: String = AuditAction.serverPrincipal
    ) throws {
        guard registryID.count == SealingLimits.idBytes else {
            throw RegistryError(
                .invalidArgument,
                "a registry's id has \(SealingLimits.idBytes) bytes, not \(registryID.count)"
            )
        }
        try checkAbsent(layout)
        try layout.folder.makeDurable(layout.store)
        try layout.folder.makeDurable(StoreFolder.parent(of: layout.sequencePath))
        let lock = try StoreLock(layout)
        defer { withExtendedLifetime(lock) {} }
        // Another process may have made it while this one had no lock.
        try checkAbsent(layout)
        do {
            let serverID = try RandomBytes.make(count: SealingLimits.idBytes)
            try layout.folder.replaceFile(
                layout.serverIDPath,
                with: Hex.encode(serverID) + "\n"
            )
            let cardKey = StoredKey(
                bundleID: registryID,
                model: "",
                wrapped: try keys.wrap(
                    try SecretKey.random(),
                    context: .registryKey(registryID: registryID)
                )
            )
            let first = try FirstHead(
                registryID: registryID,
                principal: principal,
                signing: signing,
                unixMs: clock.nowUnixMs
            )
            // The second places first: a database without its sequence would not start.
            try SequenceFile(layout, steps: .none).write(first.sequence)
            try FormatFile(layout).raise(to: .current)
            try MetadataStore.create(layout) { transaction in
                try transaction.insert(cardKey)
                try transaction.insert(first.event)
                try transaction.setHead(first.stored)
            }
        } catch let error as SealingError {
            throw RegistryError.sealing(error, "the registry cannot be created")
        }
    }

    private static func checkAbsent(_ layout: RegistryLayout) throws {
        guard try !layout.folder.exists(layout.databasePath) else {
            throw RegistryError(
                .alreadyExists,
                "there is a registry already",
                detail: "\(layout.databasePath) exists"
            )
        }
    }
}

/// The head of an empty catalogue, with the audit event that it covers.
private struct FirstHead {
    let sequence: UInt64 = 1
    let event: AuditEventInfo
    let stored: StoredHead

    init(registryID: [UInt8], principal: String, signing: SigningKey, unixMs: Int64) throws {
        event = AuditHash.chained(
            sequence: 1,
            unixMs: unixMs,
            principal: principal,
            action: AuditAction.initialise,
            model: "",
            version: 0,
            detail: "registry \(Hex.encode(registryID))",
            previousHash: AuditHash.noPrevious
        )
        let head = CatalogueHead(
            registryID: registryID,
            sequence: sequence,
            aliases: [:],
            auditSequence: event.sequence,
            auditSHA256: event.hash,
            recordSHA256: VersionRecord.noPrevious,
            previousSHA256: VersionRecord.noPrevious,
            unixMs: unixMs
        ).encoded()
        stored = StoredHead(
            registryID: registryID,
            sequence: sequence,
            recordSHA256: VersionRecord.noPrevious,
            head: head,
            signature: try signing.sign(head)
        )
    }
}

extension WrapContext {
    /// The context of the registry's own key. No bundle has the registry's id for its own, and
    /// no model has an empty name.
    static func registryKey(registryID: [UInt8]) -> WrapContext {
        WrapContext(registryID: registryID, model: "", bundleID: registryID)
    }
}

extension RegistryError {
    /// A failure of sealing, as the registry's callers see it: bytes that do not open are lost
    /// data, whatever else the reason may be.
    static func sealing(_ error: SealingError, _ message: String) -> RegistryError {
        let code: Code =
            switch error.code {
            case .authentication, .format: .dataLoss
            case .keyMissing, .keyAccess: .unavailable
            case .limit: .resourceExhausted
            case .randomness, .notDurable, .internalFailure: .internalFailure
            }
        return RegistryError(code, message, detail: "\(error)")
    }
}
