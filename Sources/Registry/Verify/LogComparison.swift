/// Compares all rows of the tables that nothing signs with what the whole audit log says.
struct LogComparison {
    let transaction: MetadataTransaction
    let findings: Findings
    /// Whether to compare what an alias points to, too.
    let comparesTargets: Bool

    private static let untold = "is there, and no audit event tells of it"

    func run(_ told: inout LoggedCatalogue) {
        let names = told.aliases.keys.sorted { ($0.model, $0.name) < ($1.model, $1.name) }
        findings.attempt("aliases", "") { try checkAliases(told, names) }
        findings.attempt("aliases", "counters") { try checkCounters(told, names) }
        findings.attempt("aliases", "history") { try checkMoves(told, names) }
        findings.attempt("database", "table versions") { try checkVersions(&told) }
    }

    private func checkAliases(_ told: LoggedCatalogue, _ names: [AliasName]) throws {
        var found: Set<AliasName> = []
        for row in try transaction.checkedAliases() {
            guard let name = name(row) else { continue }
            found.insert(name)
            guard let stated = told.aliases[name]?.row else {
                if comparesTargets { findings.fault(name.object, "row", Self.untold) }
                continue
            }
            var columns: [(String, CheckedRow.Value)] = [
                ("failure", .text(stated.failure)),
                ("changed_unix_ms", .integer(stated.changedUnixMs)),
                ("changed_by", .text(stated.changedBy)),
            ]
            if comparesTargets, let generation = told.aliases[name]?.generation {
                columns += [
                    ("version", .integer(stated.version.column)),
                    ("generation", .integer(generation.column)),
                    ("target_version", .integer(stated.target.column)),
                ]
            }
            row.compare(columns, name.object, "", findings)
        }
        guard comparesTargets else { return }
        for name in names where told.aliases[name]?.row != nil && !found.contains(name) {
            findings.fault(name.object, "row", "is missing, and the audit log tells of it")
        }
    }

    private func checkCounters(_ told: LoggedCatalogue, _ names: [AliasName]) throws {
        var found: Set<AliasName> = []
        for row in try transaction.checkedCounters() {
            guard let name = name(row) else { continue }
            found.insert(name)
            guard let alias = told.aliases[name] else {
                findings.fault(name.object, "counter", Self.untold)
                continue
            }
            row.compare(
                [
                    ("generation", .integer(alias.generation.column)),
                    ("deleted_generation", .integer(alias.deletedGeneration.column)),
                ],
                name.object,
                "counter, ",
                findings
            )
        }
        for name in names where !found.contains(name) {
            findings.fault(name.object, "counter", "is missing, and the audit log tells of it")
        }
    }

    /// What became of moves that have not ended, and moves that never were.
    private func checkMoves(_ told: LoggedCatalogue, _ names: [AliasName]) throws {
        let moves = MoveComparison(transaction: transaction, findings: findings)
        for name in names { try moves.checkEnd(of: name, told, .pending) }
        try transaction.eachMovePlace { row in
            guard let name = name(row) else { return }
            let newest = told.aliases[name]?.generation ?? 0
            let generation = try row.integer("generation")
            guard generation < 1 || UInt64(generation) > newest else { return }
            findings.fault(name.object, "history, generation \(generation)", Self.untold)
        }
    }

    private func checkVersions(_ told: inout LoggedCatalogue) throws {
        try transaction.eachVersionState { row in
            let model = try row.text("model")
            let number = try row.integer("version")
            let object = "model '\(model)', version \(number)"
            let count = Int64(told.versions[model]?.count ?? 0)
            guard number >= 1, number <= count, let stated = told.versions[model]?[Int(number) - 1]
            else {
                findings.fault(object, "row", Self.untold)
                return
            }
            told.versions[model]?[Int(number) - 1].isFound = true
            // That a state is none is said where all of the version's columns are read.
            if let state = try? row.text("state"), VersionState(rawValue: state) != nil {
                row.compare([("state", .text(stated.state.rawValue))], object, "", findings)
            }
            let reason = try reason(stated)
            row.compare([("reason", .text(reason))], object, "", findings)
        }
        for (model, versions) in told.versions.sorted(by: { $0.key < $1.key }) {
            for (index, version) in versions.enumerated() where !version.isFound {
                findings.fault(
                    "model '\(model)', version \(index + 1)",
                    "row",
                    "is missing, and the audit log tells of it"
                )
            }
        }
    }

    private func reason(_ version: LoggedCatalogue.Version) throws -> String {
        guard version.rejection > 0 else { return "" }
        let event = try transaction.checkedEvents(after: version.rejection - 1, limit: 1).first
        return try event?.text("detail") ?? ""
    }

    private func name(_ row: CheckedRow) -> AliasName? {
        findings.attempt("an alias", "") { try AliasName(row) }
    }
}
