/// Checks that aliases, their counters and their histories add up by themselves: for a registry
/// whose audit log cannot say what they have to be. All from one snapshot.
struct AliasCheck {
    let transaction: MetadataTransaction
    let findings: Findings

    private struct Alias {
        let version: UInt64
        let generation: UInt64
        let target: UInt64
        let failure: String
    }

    func run() throws {
        var aliases: [AliasName: Alias] = [:]
        for row in try transaction.checkedAliases() {
            guard let name = name(row) else { continue }
            checkTargets(row, name)
            aliases[name] = findings.attempt(name.object, "") {
                Alias(
                    version: try row.unsigned("version"),
                    generation: try row.unsigned("generation"),
                    target: try row.unsigned("target_version"),
                    failure: try row.text("failure")
                )
            }
        }
        for row in try transaction.checkedCounters() {
            guard let name = name(row) else { continue }
            let alias = aliases.removeValue(forKey: name)
            findings.attempt(name.object, "counter") {
                try checkHistory(
                    name,
                    alias,
                    generation: try row.unsigned("generation"),
                    deleted: try row.unsigned("deleted_generation")
                )
            }
        }
        for name in aliases.keys {
            findings.fault(name.object, "counter", "is missing")
        }
        for row in try transaction.strayMoves(limit: Limits.maxNamedFindings) {
            guard let name = name(row) else { continue }
            findings.fault(name.object, "counter", "is missing, and there is a history")
        }
    }

    private func name(_ row: CheckedRow) -> AliasName? {
        findings.attempt("an alias", "") { try AliasName(row) }
    }

    private func checkTargets(_ row: CheckedRow, _ name: AliasName) {
        for (column, stateColumn) in [("version", "state"), ("target_version", "target_state")] {
            guard let version = try? row.unsigned(column) else { continue }
            // 0: nothing ever answered.
            if version == 0 { continue }
            guard let state = try? row.text(stateColumn) else {
                findings.fault(name.object, "column \(column)", "version \(version) is not there")
                continue
            }
            if state == VersionState.deleted.rawValue {
                findings.fault(name.object, "column \(column)", "version \(version) is deleted")
            }
        }
    }

    /// Walks the history as the moves made it.
    private func checkHistory(
        _ name: AliasName,
        _ alias: Alias?,
        generation newest: UInt64,
        deleted: UInt64
    ) throws {
        let object = name.object
        var expected: UInt64 = 1
        var answering: UInt64 = 0
        var last: (outcome: AliasOutcome, to: UInt64)?
        try transaction.eachCheckedMove(model: name.model, name: name.name) { row in
            let generation = try row.unsigned("generation")
            let place = "history, generation \(generation)"
            if generation != expected {
                findings.fault(object, place, "expected generation \(expected)")
            }
            expected = generation + 1
            let to = try row.unsigned("to_version")
            if (try? row.integer("known")) == 0 {
                findings.fault(object, place, "version \(to) is not there")
            }
            guard let outcome = AliasOutcome(rawValue: try row.text("outcome")) else {
                findings.fault(object, place, "'\(try row.text("outcome"))' is no outcome")
                last = nil
                return
            }
            if outcome == .pending, generation != newest || alias == nil {
                findings.fault(object, place, "is pending, and a later move or no alias is there")
            }
            last = (outcome, to)
            // What an alias answered with before it was deleted is forgotten.
            guard generation > deleted else { return }
            let from = try row.unsigned("from_version")
            if from != answering {
                findings.fault(object, place, "from version \(from), and \(answering) answered")
            }
            if outcome == .served { answering = to }
        }
        if expected != newest + 1 {
            findings.fault(object, "history", "ends at \(expected - 1), and the count is \(newest)")
        }
        guard let alias else {
            if deleted != newest { findings.fault(object, "row", "is missing") }
            return
        }
        compare(alias, object, newest: newest, answering: answering, last: last)
        if deleted >= newest { findings.fault(object, "row", "is there, and counts as deleted") }
    }

    private func compare(
        _ alias: Alias,
        _ object: String,
        newest: UInt64,
        answering: UInt64,
        last: (outcome: AliasOutcome, to: UInt64)?
    ) {
        if alias.generation != newest {
            findings.fault(
                object,
                "column generation",
                "\(alias.generation), and the count is \(newest)"
            )
        }
        if alias.version != answering {
            findings.fault(
                object,
                "column version",
                "\(alias.version), and by its history \(answering) answers"
            )
        }
        guard let last else { return }
        let isOver = last.outcome != .pending
        let wanted = last.outcome == .rejected ? answering : last.to
        if alias.target != wanted {
            findings.fault(
                object,
                "column target_version",
                "\(alias.target), and by its history \(wanted)"
            )
        }
        if last.outcome == .superseded {
            findings.fault(object, "history", "its last move is superseded, and none came after it")
        }
        if isOver, last.outcome != .rejected, !alias.failure.isEmpty {
            findings.fault(object, "column failure", "set, and the last move did not fail")
        }
    }
}
