internal import GRDB

/// A move of an alias as it is stored.
struct StoredMove {
    var info: AliasMoveInfo
    let isRollback: Bool
}

extension MetadataTransaction {
    /// An alias; `nil` if there is none.
    func alias(model: String, name: String) throws -> AliasInfo? {
        try Row.fetchOne(
            database,
            sql: "SELECT * FROM aliases WHERE model = ? AND name = ?",
            arguments: [model, name]
        ).map(MetadataTransaction.aliasInfo)
    }

    /// The aliases of a model by name.
    func aliases(model: String) throws -> [AliasInfo] {
        try Row.fetchAll(
            database,
            sql: "SELECT * FROM aliases WHERE model = ? ORDER BY name",
            arguments: [model]
        ).map(MetadataTransaction.aliasInfo)
    }

    /// The aliases of all models.
    func allAliases() throws -> [(model: String, alias: AliasInfo)] {
        try Row.fetchAll(database, sql: "SELECT * FROM aliases ORDER BY model, name").map { row in
            (row.text("model"), MetadataTransaction.aliasInfo(row))
        }
    }

    /// The names of the aliases that answer with a version or are to, sorted.
    func aliasNames(model: String, version: UInt64) throws -> [String] {
        try String.fetchAll(
            database,
            sql: """
                SELECT name FROM aliases
                WHERE model = :model AND (version = :version OR target_version = :version)
                ORDER BY name
                """,
            arguments: ["model": model, "version": version.column]
        )
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
        try database.execute(
            sql: """
                INSERT INTO alias_counters VALUES (?, ?, 1, 0)
                ON CONFLICT (model, name) DO UPDATE SET generation = generation + 1
                """,
            arguments: [model, name]
        )
        let generation = try Int64.fetchOne(
            database,
            sql: "SELECT generation FROM alias_counters WHERE model = ? AND name = ?",
            arguments: [model, name]
        )
        return UInt64(bitPattern: generation ?? 1)
    }

    /// Adds a move, or replaces all of it.
    func setMove(model: String, name: String, _ move: StoredMove) throws {
        let info = move.info
        try database.execute(
            sql: "INSERT OR REPLACE INTO alias_moves VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            arguments: [
                model, name, info.generation.column, move.isRollback ? 1 : 0,
                info.fromVersion.column, info.toVersion.column, info.principal, info.reason,
                info.askedUnixMs, info.servedUnixMs, info.outcome.rawValue,
            ]
        )
    }

    /// One move of an alias.
    func move(model: String, name: String, generation: UInt64) throws -> StoredMove? {
        try Row.fetchOne(
            database,
            sql: "SELECT * FROM alias_moves WHERE model = ? AND name = ? AND generation = ?",
            arguments: [model, name, generation.column]
        ).map { try MetadataTransaction.storedMove($0) }
    }

    /// The moves of an alias below `generation`, newest first.
    func moves(
        model: String,
        name: String,
        before generation: UInt64,
        limit: Int
    ) throws -> [AliasMoveInfo] {
        try Row.fetchAll(
            database,
            sql: """
                SELECT * FROM alias_moves WHERE model = ? AND name = ? AND generation < ?
                ORDER BY generation DESC LIMIT ?
                """,
            arguments: [model, name, generation.column, limit]
        ).map { try MetadataTransaction.storedMove($0).info }
    }

    /// What an alias can go back to, from its history since it was last deleted.
    func servedStack(model: String, name: String) throws -> ServedStack {
        let rows = try Row.fetchAll(
            database,
            sql: """
                SELECT moves.* FROM alias_moves AS moves JOIN alias_counters USING (model, name)
                WHERE model = ? AND name = ? AND moves.generation > deleted_generation
                ORDER BY moves.generation
                """,
            arguments: [model, name]
        )
        return ServedStack(
            try rows.map { row in
                let move = try MetadataTransaction.storedMove(row)
                return ServedStack.Move(
                    toVersion: move.info.toVersion,
                    isRollback: move.isRollback,
                    outcome: move.info.outcome
                )
            }
        )
    }

    private static func aliasInfo(_ row: Row) -> AliasInfo {
        AliasInfo(
            name: row.text("name"),
            version: row.unsigned("version"),
            generation: row.unsigned("generation"),
            targetVersion: row.unsigned("target_version"),
            failure: row.text("failure"),
            changedUnixMs: row["changed_unix_ms"],
            changedBy: row.text("changed_by")
        )
    }

    private static func storedMove(_ row: Row) throws -> StoredMove {
        guard let outcome = AliasOutcome(rawValue: row.text("outcome")) else {
            throw RegistryError(.dataLoss, "a row of the registry is damaged", detail: "outcome")
        }
        return StoredMove(
            info: AliasMoveInfo(
                generation: row.unsigned("generation"),
                fromVersion: row.unsigned("from_version"),
                toVersion: row.unsigned("to_version"),
                principal: row.text("principal"),
                reason: row.text("reason"),
                askedUnixMs: row["asked_unix_ms"],
                servedUnixMs: row["served_unix_ms"],
                outcome: outcome
            ),
            isRollback: (row["is_rollback"] as Int64) != 0
        )
    }
}
