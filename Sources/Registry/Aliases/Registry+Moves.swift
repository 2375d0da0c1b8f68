internal import Text

extension Registry {
    /// Asks an alias to move to a version. The move is durable when this returns; what answers
    /// changes when the version is ready and the move is settled.
    ///
    /// - Parameters:
    ///   - expectedGeneration: 0: whatever it is.
    ///   - mustNotExist: The alias is to be created.
    ///   - overrides: The checks before the swap that the move passes over.
    ///   - reason: Why, for the history.
    /// - Throws: `notFound` for no such model or version; `failedPrecondition` for a rejected or
    ///   deleted version; `aborted` if the generation is another one; `alreadyExists`.
    package func setAlias(
        model: String,
        alias: String,
        version: UInt64,
        expectedGeneration: UInt64 = 0,
        mustNotExist: Bool = false,
        overrides: MoveOverrides = MoveOverrides(),
        principal: String,
        reason: String = ""
    ) throws -> AliasChange {
        try Name.check(alias, of: "alias")
        try Reason.check(reason)
        return try change { change in
            guard try change.modelExists(model) else { throw Registry.noModel(model) }
            let current = try change.alias(model: model, name: alias)
            if mustNotExist, let current {
                throw RegistryError(
                    .alreadyExists,
                    "model \(quoted(model)) has an alias \(quoted(alias)) already, of generation "
                        + "\(current.generation)"
                )
            }
            try Registry.checkGeneration(current, alias, expected: expectedGeneration)
            try Registry.checkUsable(model, version, change)
            return try accept(
                AliasMove(
                    model: model,
                    name: alias,
                    version: version,
                    overrides: overrides,
                    principal: principal,
                    reason: reason
                ),
                in: &change
            )
        }
    }

    /// Asks an alias to go back to a version that served before.
    ///
    /// - Parameters:
    ///   - toVersion: 0: the one before the present one; otherwise one that has served here.
    ///   - expectedGeneration: 0: whatever it is.
    ///   - reason: Why, for the history.
    /// - Throws: `notFound`; `failedPrecondition` if there is nothing to go back to, or the
    ///   version never served here, or it is rejected or deleted; `aborted` if the generation is
    ///   another one.
    package func rollback(
        model: String,
        alias: String,
        toVersion: UInt64 = 0,
        expectedGeneration: UInt64 = 0,
        reason: String = "",
        principal: String
    ) throws -> AliasChange {
        try Reason.check(reason)
        return try change { change in
            guard try change.modelExists(model) else { throw Registry.noModel(model) }
            guard let current = try change.alias(model: model, name: alias) else {
                throw Registry.noAlias(model, alias)
            }
            try Registry.checkGeneration(current, alias, expected: expectedGeneration)
            let stack = try change.servedStack(model: model, name: alias)
            var version = toVersion
            if toVersion == 0 {
                let previous = stack.previous(to: current.targetVersion) { version in
                    change.told.state(model: model, version: version) == .stored
                }
                guard let previous else {
                    throw RegistryError(
                        .failedPrecondition,
                        "alias \(quoted(alias)) of model \(quoted(model)) has nothing to go back to"
                    )
                }
                version = previous
                try Registry.checkUsable(model, version, change)
            } else {
                try Registry.checkUsable(model, toVersion, change)
                guard toVersion != current.targetVersion,
                    stack.everServed.contains(toVersion)
                else {
                    throw RegistryError(
                        .failedPrecondition,
                        "version \(toVersion) did not serve through alias \(quoted(alias)) of "
                            + "model \(quoted(model)) before version \(current.targetVersion)"
                    )
                }
            }
            return try accept(
                AliasMove(
                    model: model,
                    name: alias,
                    version: version,
                    isRollback: true,
                    principal: principal,
                    reason: reason
                ),
                in: &change
            )
        }
    }

    /// Removes an alias. Its history stays readable, and its generations go on where they were
    /// if it is made again.
    ///
    /// - Throws: `notFound`; `aborted` if the generation is another one.
    package func deleteAlias(
        model: String,
        alias: String,
        expectedGeneration: UInt64 = 0,
        principal: String
    ) throws {
        try change { change in
            guard try change.modelExists(model) else { throw Registry.noModel(model) }
            guard let current = try change.alias(model: model, name: alias) else {
                throw Registry.noAlias(model, alias)
            }
            try Registry.checkGeneration(current, alias, expected: expectedGeneration)
            try supersede(model: model, current, change)
            try change.transaction.deleteAlias(model: model, name: alias)
            try change.log(
                AuditAction.aliasDelete,
                principal: principal,
                model: model,
                version: current.version,
                detail: "\(alias), generation \(current.generation)"
            )
        }
    }

    /// Accepts a move in a running change: a pending older one is superseded.
    func accept(_ move: AliasMove, in change: inout Change) throws -> AliasChange {
        let transaction = change.transaction
        let current = try change.alias(model: move.model, name: move.name)
        if let current { try supersede(model: move.model, current, change) }
        let answering = current?.version ?? 0
        let generation = try change.takeGeneration(model: move.model, name: move.name)
        // A move to what answers already is there at once: nothing has to be loaded for it.
        let isThere = answering == move.version
        try transaction.setMove(
            model: move.model,
            name: move.name,
            StoredMove(
                info: AliasMoveInfo(
                    generation: generation,
                    fromVersion: answering,
                    toVersion: move.version,
                    principal: move.principal,
                    reason: move.reason,
                    askedUnixMs: change.nowUnixMs,
                    servedUnixMs: isThere ? change.nowUnixMs : 0,
                    outcome: isThere ? .served : .pending
                ),
                isRollback: move.isRollback,
                overrides: move.overrides
            )
        )
        let alias = AliasInfo(
            name: move.name,
            version: answering,
            generation: generation,
            targetVersion: move.version,
            failure: "",
            changedUnixMs: change.nowUnixMs,
            changedBy: move.principal
        )
        try transaction.setAlias(model: move.model, alias)
        let reason = move.reason.isEmpty ? "" : ": \(move.reason)"
        try change.log(
            move.isRollback ? AuditAction.rollback : AuditAction.aliasSet,
            principal: move.principal,
            model: move.model,
            version: move.version,
            detail: "\(move.name) from \(answering), generation \(generation)"
                + "\(move.overrides.detail)\(reason)"
        )
        return AliasChange(alias: alias, previousVersion: answering)
    }

    private func supersede(
        model: String,
        _ alias: AliasInfo,
        _ change: Change
    ) throws {
        guard var move = try change.newestMove(model: model, name: alias.name),
            move.info.outcome == .pending
        else { return }
        move.info = move.info.settled(.superseded)
        try change.transaction.setMove(model: model, name: alias.name, move)
    }

    private static func checkGeneration(
        _ alias: AliasInfo?,
        _ name: String,
        expected: UInt64
    ) throws(RegistryError) {
        guard expected != 0, alias?.generation != expected else { return }
        let found = alias.map { "it is \($0.generation)" } ?? "there is no such alias"
        throw RegistryError(
            .aborted,
            "alias \(quoted(name)): generation \(expected) was expected, and \(found)"
        )
    }

    private static func checkUsable(
        _ model: String,
        _ version: UInt64,
        _ change: Change
    ) throws {
        guard let info = try change.version(model: model, version: version)?.info else {
            throw noVersion(model, version)
        }
        switch info.state {
        case .stored: return
        case .rejected:
            throw RegistryError(
                .failedPrecondition,
                "model \(quoted(model)), version \(version) was rejected: \(info.reason)"
            )
        case .deleted:
            throw RegistryError(
                .failedPrecondition,
                "model \(quoted(model)), version \(version) is deleted"
            )
        }
    }
}
