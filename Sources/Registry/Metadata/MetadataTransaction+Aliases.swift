internal import GRDB

/// A move of an alias as it is stored.
struct StoredMove {
    var info: AliasMoveInfo
    let isRollback: Bool
    let overrides: MoveOverrides

    /// The terms of a move that has not ended; nil if it has.
    var pending: PendingMove? {
        guard info.outcome == .pending else { return nil }
        return PendingMove(isRollback: isRollback, overrides: overrides)
    }
}

extension MetadataTransaction {
    /// An alias; `nil` if there is none.
    func alias(model: String, name: String) throws -> AliasInfo? {
        try row(
            of: "aliases",
            "SELECT * FROM aliases WHERE model = ? AND name = ?",
            [model, name]
        ).map(MetadataTransaction.aliasInfo)
    }

    /// The aliases of a model by name.
    func aliases(model: String) throws -> [AliasInfo] {
        try rows(
            of: "aliases",
            "SELECT * FROM aliases WHERE model = ? ORDER BY name",
            [model]
        ).map(MetadataTransaction.aliasInfo)
    }

    /// The names of the aliases that answer with a version or are to, sorted.
    func aliasNames(model: String, version: UInt64) throws -> [String] {
        try rows(
            of: "aliases",
            """
            SELECT name FROM aliases
            WHERE model = :model AND (version = :version OR target_version = :version)
            ORDER BY name
            """,
            ["model": model, "version": version.column]
        ).map { try $0.text("name") }
    }

    /// Makes an alias, or replaces all of it.
    func setAlias(model: String, _ alias: AliasInfo) throws {
        try database.execute(
            sql: "INSERT OR REPLACE INTO aliases VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            arguments: [
                model, alias.name, alias.version.column, alias.generation.column,
                alias.targetVersion.column, alias.failure, alias.changedUnixMs, alias.changedBy,
            ]
        )
    }

    /// Removes an alias. Its history stays, and so does the count of its generations; what it
    /// could go back to is forgotten.
    func deleteAlias(model: String, name: String) throws {
        try database.execute(
            sql: "DELETE FROM aliases WHERE model = ? AND name = ?",
            arguments: [model, name]
        )
        try database.execute(
            sql: """
                UPDATE alias_counters SET deleted_generation = generation
                WHERE model = ? AND name = ?
                """,
            arguments: [model, name]
        )
    }

    /// Takes the next generation of an alias's name. It never starts again.
    func takeGeneration(model: String, name: String) throws -> UInt64 {
        let row = try row(
            of: "alias_counters",
            "SELECT generation FROM alias_counters WHERE model = ? AND name = ?",
            [model, name]
        )
        // Read before it is counted up: SQLite would count a damaged one from 0.
        let generation = try row?.next("generation") ?? 1
        try database.execute(
            sql: """
                INSERT INTO alias_counters VALUES (:model, :name, :generation, 0)
                ON CONFLICT (model, name) DO UPDATE SET generation = :generation
                """,
            arguments: ["model": model, "name": name, "generation": generation.column]
        )
        return generation
    }

    /// Adds a move, or replaces all of it.
    func setMove(model: String, name: String, _ move: StoredMove) throws {
        let info = move.info
        try database.execute(
            sql: """
                INSERT OR REPLACE INTO alias_moves (model, name, generation, is_rollback,
                    from_version, to_version, principal, reason, asked_unix_ms, served_unix_ms,
                    outcome, allow_signature_change, force)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """,
            arguments: [
                model, name, info.generation.column, move.isRollback ? 1 : 0,
                info.fromVersion.column, info.toVersion.column, info.principal, info.reason,
                info.askedUnixMs, info.servedUnixMs, info.outcome.rawValue,
                move.overrides.allowsSignatureChange ? 1 : 0, move.overrides.isForced ? 1 : 0,
            ]
        )
    }

    /// One move of an alias.
    func move(model: String, name: String, generation: UInt64) throws -> StoredMove? {
        try row(
            of: "alias_moves",
            "SELECT * FROM alias_moves WHERE model = ? AND name = ? AND generation = ?",
            [model, name, generation.column]
        ).map { try MetadataTransaction.storedMove($0) }
    }

    /// The moves of an alias below `generation`, newest first.
    func moves(
        model: String,
        name: String,
        before generation: UInt64,
        limit: Int
    ) throws -> [AliasMoveInfo] {
        try rows(
            of: "alias_moves",
            """
            SELECT * FROM alias_moves WHERE model = ? AND name = ? AND generation < ?
            ORDER BY generation DESC LIMIT ?
            """,
            [model, name, generation.column, limit]
        ).map { try MetadataTransaction.storedMove($0).info }
    }

    static func aliasInfo(_ row: TableRow) throws -> AliasInfo {
        AliasInfo(
            name: try row.text("name"),
            version: try row.unsigned("version"),
            generation: try row.unsigned("generation"),
            targetVersion: try row.unsigned("target_version"),
            failure: try row.text("failure"),
            changedUnixMs: try row.integer("changed_unix_ms"),
            changedBy: try row.text("changed_by")
        )
    }

    static func storedMove(_ row: TableRow) throws -> StoredMove {
        StoredMove(
            info: AliasMoveInfo(
                generation: try row.unsigned("generation"),
                fromVersion: try row.unsigned("from_version"),
                toVersion: try row.unsigned("to_version"),
                principal: try row.text("principal"),
                reason: try row.text("reason"),
                askedUnixMs: try row.integer("asked_unix_ms"),
                servedUnixMs: try row.integer("served_unix_ms"),
                outcome: try row.word("outcome", as: AliasOutcome.self)
            ),
            isRollback: try row.integer("is_rollback") != 0,
            overrides: MoveOverrides(
                allowsSignatureChange: try row.integer("allow_signature_change") != 0,
                isForced: try row.integer("force") != 0
            )
        )
    }
}
