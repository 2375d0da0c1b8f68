internal import Sealing
internal import Synchronization
internal import Text

/// One change to the catalogue: rows, audit events and, at the end, the new signed head, all in
/// one transaction.
///
/// The new head is the one before, as this process has checked or signed it, changed by the events
/// that were logged. The tables have to say the same: each row that the change reads, before it,
/// and the rows that it wrote with all aliases, behind it. A row that does not is a
/// ``RegistryFault``, and nothing is signed.
struct Change {
    let transaction: MetadataTransaction
    let registryID: [UInt8]
    let nowUnixMs: Int64
    /// The catalogue with the events of this change.
    private(set) var told: LoggedCatalogue

    private let signing: SigningKey
    private let before: SignedCatalogue
    private let dataVersion: Int64
    private var newestEvent: AuditEventInfo
    private var recordSHA256: [UInt8]
    private var sequence: UInt64
    private var touched = Touched()

    /// The aliases and versions that events were logged of.
    private struct Touched {
        var aliases: Set<AliasName> = []
        var versions: [(model: String, version: UInt64)] = []
        var isEmpty = true
    }

    /// - Throws: ``RegistryFault`` if the head and the newest event are not those of `before`; or
    ///   if another connection has written since, and any row is not.
    init(
        _ transaction: MetadataTransaction,
        before: SignedCatalogue,
        signing: SigningKey,
        nowUnixMs: Int64
    ) throws {
        self.transaction = transaction
        self.before = before
        self.signing = signing
        self.nowUnixMs = nowUnixMs
        registryID = before.head.registryID
        told = before.told
        dataVersion = try transaction.dataVersion()
        if let object = try transaction.schemaDifference() {
            throw RegistryFault("sqlite_schema", object)
        }
        newestEvent = before.event
        recordSHA256 = before.head.recordSHA256
        sequence = before.head.sequence
        let rows = CatalogueRows(transaction: transaction, told: told)
        try rows.checkHead(before.stored)
        try rows.checkNewest(before.event)
        guard let seen = before.dataVersion, seen != dataVersion else { return }
        try rows.checkAll()
        try checkRecords()
    }

    /// The catalogue that is signed when the transaction is committed.
    private(set) var after: SignedCatalogue?

    /// The rows that the tables have to hold at this moment.
    var rows: CatalogueRows { CatalogueRows(transaction: transaction, told: told) }

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

    /// Adds an event to the audit log: the catalogue is from now on what the event makes of it.
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
        touched.isEmpty = false
        try transaction.insert(newestEvent)
        guard let change = LoggedChange(action: action, detail: detail) else {
            throw RegistryError(.internalFailure, "an event that cannot be read back: \(action)")
        }
        do {
            try told.follow(change, newestEvent)
        } catch {
            throw RegistryError(
                .internalFailure,
                "the event '\(action)' does not follow from those before",
                detail: "\(error.field): \(error.problem)"
            )
        }
        if let name = change.aliasName(model: model) { touched.aliases.insert(name) }
        if change.isOfVersion { touched.versions.append((model, version)) }
    }

    /// Signs and stores the new head, and answers its sequence; `nil` if nothing was logged,
    /// since then nothing was changed.
    mutating func seal() throws -> UInt64? {
        guard !touched.isEmpty else { return nil }
        sequence += 1
        let head = CatalogueHead(
            registryID: registryID,
            sequence: sequence,
            aliases: headAliases(),
            auditSequence: newestEvent.sequence,
            auditSHA256: newestEvent.hash,
            recordSHA256: recordSHA256,
            previousSHA256: Digest.sha256(before.stored.head),
            unixMs: nowUnixMs
        )
        try checkRows()
        let bytes = head.encoded()
        let stored = StoredHead(
            registryID: registryID,
            sequence: sequence,
            recordSHA256: recordSHA256,
            head: bytes,
            signature: try signature(over: bytes)
        )
        try store(stored)
        after = SignedCatalogue(
            stored: stored,
            head: head,
            event: newestEvent,
            told: told,
            dataVersion: dataVersion
        )
        return sequence
    }

    /// Replaces the head's row, and changes no other: a trigger would.
    private func store(_ stored: StoredHead) throws {
        let count = transaction.changeCount
        try transaction.setHead(stored)
        let isAlone = transaction.changeCount == count + 1
        try rows.checkHead(stored)
        guard !isAlone else { return }
        try checkRows()
        throw RegistryFault("catalogue", "1")
    }

    /// The aliases of the head before, with those that were moved.
    private func headAliases() -> [ExactString: [ExactString: CatalogueHead.Alias]] {
        var aliases = before.head.aliases
        for name in touched.aliases {
            let model = ExactString(name.model)
            aliases[model, default: [:]][ExactString(name.name)] =
                told.alias(name).map {
                    CatalogueHead.Alias(
                        generation: $0.generation,
                        version: $0.version,
                        targetVersion: $0.targetVersion
                    )
                }
            if aliases[model]?.isEmpty == true { aliases[model] = nil }
        }
        return aliases
    }

    /// Compares the rows that the head covers, and those that were written.
    private func checkRows() throws {
        let rows = rows
        try rows.checkNewest(newestEvent)
        try rows.checkAliases()
        try rows.checkNewestRecord(recordSHA256)
        for name in touched.aliases {
            try rows.checkCounter(name)
            try rows.checkNewestMove(name)
        }
        for (model, version) in touched.versions {
            try rows.checkModel(model)
            try rows.checkState(model: model, version: version)
        }
    }

    /// The records of all versions.
    private func checkRecords() throws {
        for (model, versions) in told.versions {
            for index in versions.indices {
                _ = try version(model: model, version: UInt64(index) + 1)
            }
        }
    }

    /// All that is stored of a version whose record's signature holds; `nil` if it never was.
    ///
    /// - Throws: ``RegistryFault`` for a row that is not as the record and the log have it.
    func version(model: String, version: UInt64) throws -> StoredVersion? {
        guard told.version(model: model, version: version) != nil else {
            guard try transaction.state(model: model, version: version) == nil else {
                throw RegistryFault(model: model, version: version)
            }
            return nil
        }
        try rows.checkState(model: model, version: version)
        do {
            let stored = try transaction.version(model: model, version: version)
            _ = try stored?.verified(registryID: registryID, key: signing.publicKey)
            return stored
        } catch let error as RegistryError where error.code == .dataLoss {
            throw RegistryFault(model: model, version: version)
        }
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
            try checkFault()
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
            guard metadata.isFileInPlace else { throw RegistryFault.file }
            let (result, after) = try metadata.write { transaction in
                try steps.reach(.transactionBegin)
                var change = try Change(
                    transaction,
                    before: signed.withLock { $0 },
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
                return (result, change.after)
            }
            if let after { signed.withLock { $0 = after } }
            return (result, isPrepared)
        } catch let fault as RegistryFault {
            if isPrepared { try? sequenceFile.discard() }
            note(fault)
            throw fault.error
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
