/// The catalogue as the events of the audit log make it, one after another: a few numbers for each
/// version, and a row for each alias.
struct LoggedCatalogue {
    struct Version {
        var state = VersionState.stored
        /// The event that states the reason; 0: none does.
        var rejection: Int64 = 0
        /// Whether the table has it.
        var isFound = false
    }

    struct Alias {
        /// What the name's counter holds.
        var generation: UInt64
        /// The last generation before the alias was deleted; 0: never.
        var deletedGeneration: UInt64 = 0
        /// nil while there is none.
        var row: Row?
        /// Whether the newest move has not ended.
        var isPending = false
        /// Whether the history has the newest move.
        var isFound = false
    }

    /// An alias's own row.
    struct Row {
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

    /// Adds a version.
    mutating func publish(_ event: AuditEventInfo) throws(Contradiction) {
        let expected = UInt64(versions[event.model, default: []].count) + 1
        guard event.version == expected else {
            throw Contradiction(
                field: "version",
                problem: "\(event.version), and the model's next one is \(expected)"
            )
        }
        versions[event.model, default: []].append(Version())
    }

    /// Changes a version's state.
    mutating func setState(
        _ state: VersionState,
        rejection: Int64? = nil,
        by event: AuditEventInfo
    ) throws(Contradiction) {
        let count = UInt64(versions[event.model]?.count ?? 0)
        guard (1...max(count, 1)).contains(event.version), count > 0 else {
            throw Contradiction(field: "version", problem: "was never published")
        }
        let index = Int(event.version) - 1
        versions[event.model]?[index].state = state
        if let rejection { versions[event.model]?[index].rejection = rejection }
    }

    /// Accepts a move: the newest of its alias from now on.
    mutating func ask(
        _ name: AliasName,
        _ asked: LoggedChange.Alias,
        by event: AuditEventInfo,
        isFound: Bool
    ) throws(Contradiction) {
        var alias = aliases[name] ?? Alias(generation: 0)
        guard asked.generation == alias.generation + 1 else {
            throw Contradiction(
                field: "detail",
                problem: "generation \(asked.generation), and the next one is "
                    + "\(alias.generation + 1)"
            )
        }
        alias.generation = asked.generation
        alias.isPending = asked.version != event.version
        alias.isFound = isFound
        alias.row = Row(
            version: asked.version,
            target: event.version,
            changedUnixMs: event.unixMs,
            changedBy: event.principal
        )
        aliases[name] = alias
    }

    /// Ends the pending move.
    mutating func settle(
        _ name: AliasName,
        _ settled: LoggedChange.Alias,
        version: UInt64,
        failure: String
    ) throws(Contradiction) {
        guard var alias = aliases[name], alias.isPending, alias.generation == settled.generation
        else {
            throw Contradiction(
                field: "detail",
                problem: "generation \(settled.generation) of alias '\(name.name)' is not pending"
            )
        }
        alias.isPending = false
        alias.row?.version = version
        alias.row?.target = version
        alias.row?.failure = failure
        aliases[name] = alias
    }

    /// Removes an alias, of which the counter and the history stay.
    mutating func delete(_ name: AliasName, generation: UInt64) throws(Contradiction) {
        guard var alias = aliases[name], alias.row != nil, alias.generation == generation else {
            throw Contradiction(
                field: "detail",
                problem: "there is no alias '\(name.name)' of generation \(generation)"
            )
        }
        alias.isPending = false
        alias.row = nil
        alias.deletedGeneration = generation
        aliases[name] = alias
    }
}
