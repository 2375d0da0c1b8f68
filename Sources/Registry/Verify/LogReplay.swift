/// Follows the audit log from its first event and compares the tables that nothing signs with what
/// it says: states and reasons of versions, aliases, their counters, and every move.
///
/// A move is compared when its event comes by, and again when it ends, so that the history is
/// never held. Only for a log that is whole: what a damaged one says is worth nothing.
struct LogReplay {
    let metadata: MetadataStore
    let findings: Findings
    /// Whether to compare what an alias points to, too; the signed head says the same.
    let comparesTargets: Bool
    /// Whether the history has the columns of what a move passes over.
    let hasMoveOverrides: Bool

    /// Goes from the first event to the last.
    func run() {
        var told = LoggedCatalogue()
        var last: Int64? = 0
        while let after = last {
            let page = findings.attempt(AuditCheck.object, "events after \(after)") {
                try metadata.read { try followPage(after: after, &told, $0) }
            }
            last = page ?? nil
        }
    }

    /// Each page of events is read from one snapshot with the rows that it is about; the last one
    /// with all that the whole log is about.
    ///
    /// - Returns: The last event of the page; nil at the end of the log.
    private func followPage(
        after: Int64,
        _ told: inout LoggedCatalogue,
        _ transaction: MetadataTransaction
    ) throws -> Int64? {
        let rows = try transaction.checkedEvents(after: after, limit: Limits.verifyPageRows)
        for row in rows { try follow(row, &told, transaction) }
        if rows.count == Limits.verifyPageRows, let last = try rows.last?.integer("sequence"),
            last > after
        {
            return last
        }
        LogComparison(
            transaction: transaction,
            findings: findings,
            comparesTargets: comparesTargets
        ).run(&told)
        return nil
    }

    private func follow(
        _ row: CheckedRow,
        _ told: inout LoggedCatalogue,
        _ transaction: MetadataTransaction
    ) throws {
        let event = try AuditCheck.event(row, try row.unsigned("sequence"))
        let object = "audit event \(event.sequence)"
        guard let change = LoggedChange(action: event.action, detail: event.detail) else {
            return findings.fault(object, "detail", "not of the form of '\(event.action)'")
        }
        do {
            try follow(change, event, &told, transaction)
        } catch let error as LoggedCatalogue.Contradiction {
            findings.fault(object, error.field, error.problem)
        }
    }

    private func follow(
        _ change: LoggedChange,
        _ event: AuditEventInfo,
        _ told: inout LoggedCatalogue,
        _ transaction: MetadataTransaction
    ) throws {
        let moves = MoveComparison(
            transaction: transaction,
            findings: findings,
            hasOverrides: hasMoveOverrides
        )
        var isFound = true
        var newest: AliasName?
        switch change {
        case .asked(let asked, let isRollback):
            let name = AliasName(model: event.model, name: asked.name)
            try moves.checkEnd(of: name, told, .superseded)
            isFound = try moves.checkAsked(name, asked, isRollback: isRollback, event)
            newest = name
        case .served(let settled):
            let name = AliasName(model: event.model, name: settled.name)
            try moves.checkEnd(of: name, told, .served, at: event.unixMs)
        case .rejected(let settled):
            let name = AliasName(model: event.model, name: settled.name)
            try moves.checkEnd(of: name, told, .rejected)
        case .aliasDeleted(let name, _):
            let name = AliasName(model: event.model, name: name)
            try moves.checkEnd(of: name, told, .superseded)
        case .published, .versionRejected, .versionValidated, .versionDeleted, .other: break
        }
        try told.follow(change, event)
        guard let newest else { return }
        told.aliases[newest]?.isFound = isFound
        if told.aliases[newest]?.isPending == false {
            try moves.checkEnd(of: newest, told, .served, at: event.unixMs, isAtOnce: true)
        }
    }
}

/// Compares the rows of an alias's history with what the log says of them.
struct MoveComparison {
    let transaction: MetadataTransaction
    let findings: Findings
    /// Whether the rows have the columns of what a move passes over.
    var hasOverrides = true

    /// Compares what was asked for.
    ///
    /// - Returns: Whether the history has the move.
    func checkAsked(
        _ name: AliasName,
        _ asked: LoggedChange.Alias,
        isRollback: Bool,
        _ event: AuditEventInfo
    ) throws -> Bool {
        let place = Self.place(asked.generation)
        guard let row = try row(name, asked.generation) else {
            findings.fault(
                name.object,
                place,
                "is missing, and audit event \(event.sequence) tells of it"
            )
            return false
        }
        var told: [(String, CheckedRow.Value)] = [
            ("is_rollback", .integer(isRollback ? 1 : 0)),
            ("from_version", .integer(asked.version.column)),
            ("to_version", .integer(event.version.column)),
            ("principal", .text(event.principal)), ("reason", .text(asked.reason)),
            ("asked_unix_ms", .integer(event.unixMs)),
        ]
        if hasOverrides {
            told += [
                (
                    MoveOverrides.signatureChangeName,
                    .integer(asked.overrides.allowsSignatureChange ? 1 : 0)
                ), (MoveOverrides.forceName, .integer(asked.overrides.isForced ? 1 : 0)),
            ]
        }
        row.compare(
            told,
            name.object,
            place + ", ",
            findings
        )
        return true
    }

    /// Compares how the newest move of an alias ended, if it was pending.
    ///
    /// - Parameter isAtOnce: It ended when it was accepted.
    func checkEnd(
        of name: AliasName,
        _ told: LoggedCatalogue,
        _ outcome: AliasOutcome,
        at servedUnixMs: Int64 = 0,
        isAtOnce: Bool = false
    ) throws {
        guard let alias = told.aliases[name], alias.isFound, alias.isPending || isAtOnce,
            let row = try row(name, alias.generation)
        else { return }
        row.compare(
            [("outcome", .text(outcome.rawValue)), ("served_unix_ms", .integer(servedUnixMs))],
            name.object,
            Self.place(alias.generation) + ", ",
            findings
        )
    }

    static func place(_ generation: UInt64) -> String { "history, generation \(generation)" }

    private func row(_ name: AliasName, _ generation: UInt64) throws -> CheckedRow? {
        try transaction.checkedMove(
            model: name.model,
            name: name.name,
            generation: Int64(clamping: generation)
        )
    }
}

extension CheckedRow {
    /// Reports each column that does not hold what the audit log says.
    ///
    /// - Parameter place: What stands before the column's name in the field.
    func compare(
        _ told: [(column: String, value: Value)],
        _ object: String,
        _ place: String,
        _ findings: Findings
    ) {
        for (column, value) in told where values[column] != value {
            findings.fault(
                object,
                "\(place)column \(column)",
                "\((values[column] ?? .other).words), and the audit log says \(value.words)"
            )
        }
    }
}
