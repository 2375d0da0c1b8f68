internal import Sealing

/// The catalogue as the events of the audit log make it, one after another: a few numbers for each
/// version, and for each alias its row, its newest move, and a digest of the moves before.
///
/// The newest event is signed with the head, and the log is a chain: so this is what the tables
/// hold that nothing else signs. Each change goes from one such catalogue to the next by the events
/// that it logs.
struct LoggedCatalogue: Sendable {
    struct Version: Sendable {
        var state = VersionState.stored
        /// The event that states the reason; 0: none does.
        var rejection: Int64 = 0
        /// Of the reason; nil: there is none.
        var reasonSHA256: [UInt8]?
        /// Whether the table has it.
        var isFound = false
    }

    struct Alias: Sendable {
        /// The values of the name's counter.
        var generation: UInt64
        /// The last generation before the alias was deleted; 0: never.
        var deletedGeneration: UInt64 = 0
        /// nil while there is none.
        var row: Row?
        /// The newest one.
        var move: StoredMove
        /// Of all moves before the newest, as ``StoredMove/chained(to:)`` makes it.
        var historySHA256 = StoredMove.noHistory
        /// Whether the history has the newest move.
        var isFound = true

        /// Whether the newest move has not ended.
        var isPending: Bool { move.info.outcome == .pending }
    }

    /// An alias's own row.
    struct Row: Sendable {
        var version: UInt64
        var target: UInt64
        var failure = ""
        let changedUnixMs: Int64
        let changedBy: String
    }

    /// That the log contradicts itself.
    struct Contradiction: Error {
        let field: String
        let problem: String
    }

    /// Of each model: version 1 comes first.
    var versions: [String: [Version]] = [:]
    /// Every alias that ever was.
    var aliases: [AliasName: Alias] = [:]
    /// How many aliases there are.
    private(set) var aliasCount = 0
    /// The version that was published last.
    private(set) var newestVersion: (model: String, version: UInt64)?

    /// Goes on by one event.
    ///
    /// - Throws: ``Contradiction``
    mutating func follow(
        _ change: LoggedChange,
        _ event: AuditEventInfo
    ) throws(Contradiction) {
        switch change {
        case .published: try publish(event)
        case .versionRejected: try setState(.rejected, by: event)
        case .versionValidated: try setState(.stored, by: event)
        case .versionDeleted: try setState(.deleted, by: event)
        case .asked(let asked, let isRollback):
            try ask(AliasName(model: event.model, name: asked.name), asked, isRollback, event)
        case .served(let settled):
            try settle(settled, .served, version: event.version, event)
        case .rejected(let settled):
            try settle(settled, .rejected, version: settled.version, event)
        case .aliasDeleted(let name, let generation):
            try delete(AliasName(model: event.model, name: name), generation: generation)
        case .other: break
        }
    }

    private mutating func publish(_ event: AuditEventInfo) throws(Contradiction) {
        let expected = UInt64(versions[event.model, default: []].count) + 1
        guard event.version == expected else {
            throw Contradiction(
                field: "version",
                problem: "\(event.version), and the model's next one is \(expected)"
            )
        }
        versions[event.model, default: []].append(Version())
        newestVersion = (event.model, event.version)
    }

    private mutating func setState(
        _ state: VersionState,
        by event: AuditEventInfo
    ) throws(Contradiction) {
        let count = UInt64(versions[event.model]?.count ?? 0)
        guard (1...max(count, 1)).contains(event.version), count > 0 else {
            throw Contradiction(field: "version", problem: "was never published")
        }
        var version = versions[event.model]?[Int(event.version) - 1] ?? Version()
        version.state = state
        switch state {
        case .rejected:
            version.rejection = Int64(clamping: event.sequence)
            version.reasonSHA256 = Self.digest(ofReason: event.detail)
        case .stored: (version.rejection, version.reasonSHA256) = (0, nil)
        case .deleted: break
        }
        versions[event.model]?[Int(event.version) - 1] = version
    }

    static func digest(ofReason reason: String) -> [UInt8]? {
        reason.isEmpty ? nil : Digest.sha256(Array(reason.utf8))
    }

    /// Accepts a move: the newest of its alias from now on.
    private mutating func ask(
        _ name: AliasName,
        _ asked: LoggedChange.Alias,
        _ isRollback: Bool,
        _ event: AuditEventInfo
    ) throws(Contradiction) {
        let before = aliases[name]
        let next = (before?.generation ?? 0) + 1
        guard asked.generation == next else {
            throw Contradiction(
                field: "detail",
                problem: "generation \(asked.generation), and the next one is \(next)"
            )
        }
        var alias = Alias(
            generation: next,
            move: StoredMove(asked, isRollback: isRollback, by: event)
        )
        alias.row = Row(
            version: asked.version,
            target: event.version,
            changedUnixMs: event.unixMs,
            changedBy: event.principal
        )
        if var before {
            before.supersede()
            alias.deletedGeneration = before.deletedGeneration
            alias.historySHA256 = before.move.chained(to: before.historySHA256)
        }
        if before?.row == nil { aliasCount += 1 }
        aliases[name] = alias
    }

    /// Ends the pending move.
    private mutating func settle(
        _ settled: LoggedChange.Alias,
        _ outcome: AliasOutcome,
        version: UInt64,
        _ event: AuditEventInfo
    ) throws(Contradiction) {
        let name = AliasName(model: event.model, name: settled.name)
        guard var alias = aliases[name], alias.isPending, alias.generation == settled.generation
        else {
            throw Contradiction(
                field: "detail",
                problem: "generation \(settled.generation) of alias '\(name.name)' is not pending"
            )
        }
        alias.move.info = alias.move.info.settled(
            outcome,
            servedUnixMs: outcome == .served ? event.unixMs : 0
        )
        alias.row?.version = version
        alias.row?.target = version
        alias.row?.failure = settled.reason
        aliases[name] = alias
    }

    /// Removes an alias, of which the counter and the history stay.
    private mutating func delete(
        _ name: AliasName,
        generation: UInt64
    ) throws(Contradiction) {
        guard var alias = aliases[name], alias.row != nil, alias.generation == generation else {
            throw Contradiction(
                field: "detail",
                problem: "there is no alias '\(name.name)' of generation \(generation)"
            )
        }
        alias.supersede()
        alias.row = nil
        alias.deletedGeneration = generation
        aliasCount -= 1
        aliases[name] = alias
    }
}

extension LoggedCatalogue.Alias {
    /// Ends a pending newest move, since another takes its place or none is left.
    fileprivate mutating func supersede() {
        if isPending { move.info = move.info.settled(.superseded) }
    }
}

extension LoggedCatalogue {
    /// An alias as its row holds it; nil if there is none.
    func alias(_ name: AliasName) -> AliasInfo? {
        guard let alias = aliases[name], let row = alias.row else { return nil }
        return AliasInfo(
            name: name.name,
            version: row.version,
            generation: alias.generation,
            targetVersion: row.target,
            failure: row.failure,
            changedUnixMs: row.changedUnixMs,
            changedBy: row.changedBy
        )
    }

    /// A version's state; nil if it never was.
    func state(model: String, version: UInt64) -> VersionState? {
        self.version(model: model, version: version)?.state
    }

    func version(model: String, version: UInt64) -> Version? {
        guard let versions = versions[model], version >= 1, version <= UInt64(versions.count)
        else { return nil }
        return versions[Int(version) - 1]
    }
}

extension StoredMove {
    /// Of no move.
    static let noHistory = [UInt8](repeating: 0, count: Digest.byteCount)

    /// The move that an event tells of, as it was accepted.
    fileprivate init(_ asked: LoggedChange.Alias, isRollback: Bool, by event: AuditEventInfo) {
        let isThere = asked.version == event.version
        self.init(
            info: AliasMoveInfo(
                generation: asked.generation,
                fromVersion: asked.version,
                toVersion: event.version,
                principal: event.principal,
                reason: asked.reason,
                askedUnixMs: event.unixMs,
                servedUnixMs: isThere ? event.unixMs : 0,
                outcome: isThere ? .served : .pending
            ),
            isRollback: isRollback,
            overrides: asked.overrides
        )
    }

    /// The SHA-256 of all of the move's columns and the digest of the moves before it.
    func chained(to before: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.appendField(before)
        for number in [
            info.generation, info.fromVersion, info.toVersion,
            UInt64(bitPattern: info.askedUnixMs), UInt64(bitPattern: info.servedUnixMs),
            isRollback ? 1 : 0, overrides.allowsSignatureChange ? 1 : 0,
            overrides.isForced ? 1 : 0,
        ] { bytes.appendField(number.bigEndianBytes) }
        for text in [info.principal, info.reason, info.outcome.rawValue] {
            bytes.appendField(Array(text.utf8))
        }
        return Digest.sha256(bytes)
    }
}
