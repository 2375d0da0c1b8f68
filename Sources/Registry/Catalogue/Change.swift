internal import Sealing
internal import Synchronization

/// One change to the catalogue: rows, audit events and, at the end, the new signed head, all in
/// one transaction.
struct Change {
    let transaction: MetadataTransaction
    let registryID: [UInt8]
    let signing: SigningKey
    let nowUnixMs: Int64

    private let before: StoredHead
    private var newestEvent: AuditEventInfo
    private var recordSHA256: [UInt8]
    private var sequence: UInt64
    private var isEmpty = true

    init(
        _ transaction: MetadataTransaction,
        registryID: [UInt8],
        signing: SigningKey,
        nowUnixMs: Int64
    ) throws {
        guard let before = try transaction.head(), let event = try transaction.newestAuditEvent()
        else { throw RegistryError(.internalFailure, "the catalogue's head is missing") }
        self.transaction = transaction
        self.registryID = registryID
        self.signing = signing
        self.nowUnixMs = nowUnixMs
        self.before = before
        newestEvent = event
        recordSHA256 = before.recordSHA256
        sequence = before.sequence
    }

    /// What a new version record has to say of the records before it.
    mutating func nextRecordPlace() -> (previousSHA256: [UInt8], sequence: UInt64) {
        sequence += 1
        return (recordSHA256, sequence)
    }

    /// Signs a new version record.
    mutating func sign(record: [UInt8]) throws -> (sha256: [UInt8], signature: [UInt8]) {
        recordSHA256 = Digest.sha256(record)
        return (recordSHA256, try signature(over: record))
    }

    /// Goes on above a sequence that was seen on another copy of this registry.
    mutating func passOver(_ seen: UInt64) {
        sequence = max(sequence, seen)
    }

    /// Adds an event to the audit log.
    mutating func log(
        _ action: String,
        principal: String,
        model: String,
        version: UInt64 = 0,
        detail: String = ""
    ) throws {
        newestEvent = AuditHash.chained(
            sequence: newestEvent.sequence + 1,
            unixMs: nowUnixMs,
            principal: principal,
            action: action,
            model: model,
            version: version,
            detail: detail,
            previousHash: newestEvent.hash
        )
        try transaction.insert(newestEvent)
        isEmpty = false
    }

    /// Signs and stores the new head, and answers its sequence; `nil` if nothing was logged,
    /// since then nothing was changed.
    mutating func seal() throws -> UInt64? {
        guard !isEmpty else { return nil }
        sequence += 1
        let head = CatalogueHead(
            registryID: registryID,
            sequence: sequence,
            aliases: try transaction.headAliases(),
            auditSequence: newestEvent.sequence,
            auditSHA256: newestEvent.hash,
            recordSHA256: recordSHA256,
            previousSHA256: Digest.sha256(before.head),
            unixMs: nowUnixMs
        ).encoded()
        try transaction.setHead(
            StoredHead(
                registryID: registryID,
                sequence: sequence,
                recordSHA256: recordSHA256,
                head: head,
                signature: try signature(over: head)
            )
        )
        return sequence
    }

    private func signature(over bytes: [UInt8]) throws -> [UInt8] {
        do {
            return try signing.sign(bytes)
        } catch {
            throw RegistryError.sealing(error, "the registry cannot sign")
        }
    }
}

extension Registry {
    /// Makes a change to the catalogue, which is durable when this returns, and undone if it
    /// throws.
    ///
    /// A change that logs nothing changes nothing: it leaves the head as it was.
    func change<R: Sendable>(_ body: (inout Change) throws -> R) throws -> R {
        let result = try changes.withLock { _ in
            let (result, isNoted) = try commit(body)
            if isNoted { try noteSequence() }
            return result
        }
        try steps.reach(.answer)
        return result
    }

    /// Commits a change.
    ///
    /// - Returns: Besides, whether the second place has to be told.
    private func commit<R>(_ body: (inout Change) throws -> R) throws -> (R, Bool) {
        var isPrepared = false
        do {
            let result = try metadata.write { transaction in
                try steps.reach(.transactionBegin)
                var change = try Change(
                    transaction,
                    registryID: registryID,
                    signing: signing,
                    nowUnixMs: clock.nowUnixMs
                )
                let result = try body(&change)
                try steps.reach(.head)
                if let sequence = try change.seal() {
                    isPrepared = true
                    try prepareSequence(sequence)
                }
                try steps.reach(.transactionCommit)
                return result
            }
            return (result, isPrepared)
        } catch {
            // What cannot be removed now is by the next change, or at the next start.
            if isPrepared { try? sequenceFile.discard() }
            throw error
        }
    }

    /// Writes the sequence to be beside the present one, while nothing is committed: where there
    /// is no room for it the change is undone, and all is as it was.
    private func prepareSequence(_ sequence: UInt64) throws {
        do {
            try sequenceFile.prepare(sequence)
        } catch let error as RegistryError where error.code == .resourceExhausted {
            throw error
        } catch {
            storageFault.set("the sequence beside the keys could not be written: \(error)")
            throw error
        }
    }

    /// Notes the sequence in the second place. The change is committed already; if this fails
    /// an old copy could pass for the newest, so no further change is taken.
    private func noteSequence() throws {
        do {
            try sequenceFile.advance()
        } catch {
            storageFault.set("the sequence beside the keys could not be replaced: \(error)")
            throw RegistryError(
                .internalFailure,
                "the change was made, and the registry takes no more since its storage failed",
                detail: "\(error)"
            )
        }
    }
}
