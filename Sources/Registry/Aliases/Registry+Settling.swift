internal import Text

extension Registry {
    /// Notes what became of a pending move.
    ///
    /// - Returns: Whether the move's outcome is that now; false if the alias has moved on, was
    ///   removed, or the move ended otherwise. Asking twice is harmless.
    package func settle(
        model: String,
        alias: String,
        generation: UInt64,
        outcome: AliasSettlement
    ) throws -> Bool {
        try change { change in
            guard let current = try change.alias(model: model, name: alias),
                current.generation == generation,
                let move = try change.newestMove(model: model, name: alias)
            else { return false }
            switch (outcome, move.info.outcome) {
            case (.served, .pending):
                try settleServed(model, current, move, &change)
                return true
            case (.rejected(let reason), .pending):
                try settleRejected(model, current, move, reason: Reason.cut(reason), &change)
                return true
            case (.served, .served), (.rejected, .rejected): return true
            case (.served, .rejected), (.served, .superseded), (.rejected, .served),
                (.rejected, .superseded):
                return false
            }
        }
    }

    /// Marks a version as unable to serve, and ends the moves that wait for it. Aliases that
    /// answer with it keep it. A version that was rejected before keeps its first reason.
    ///
    /// - Throws: `notFound`, for a deleted version too.
    package func reject(model: String, version: UInt64, reason: String) throws {
        let reason = Reason.cut(reason)
        try change { change in
            let info = try change.version(model: model, version: version)?.info
            guard let info, info.state != .deleted else {
                throw Registry.noVersion(model, version)
            }
            if info.state == .stored {
                try change.reject(info, reason: reason, principal: AuditAction.serverPrincipal)
            }
            for alias in try change.aliases(model: model)
            where alias.targetVersion == version && alias.version != version {
                let move = try change.newestMove(model: model, name: alias.name)
                guard let move, move.info.outcome == .pending else { continue }
                try settleRejected(model, alias, move, reason: reason, &change)
            }
        }
    }

    /// Destroys a version's data key: what is stored of its files is noise from then on. Its
    /// record and card remain.
    ///
    /// - Throws: `notFound`, for a deleted version too; `failedPrecondition` while an alias
    ///   answers with it or is to.
    package func deleteVersion(model: String, version: UInt64, principal: String) throws {
        try change { change in
            let transaction = change.transaction
            let stored = try change.version(model: model, version: version)
            guard let stored, stored.info.state != .deleted else {
                throw Registry.noVersion(model, version)
            }
            guard stored.info.aliases.isEmpty else {
                throw RegistryError(
                    .failedPrecondition,
                    "model \(quoted(model)), version \(version): aliases point to it: "
                        + stored.info.aliases.joined(separator: ", ")
                )
            }
            try transaction.setState(
                model: model,
                version: version,
                state: .deleted,
                reason: stored.info.reason
            )
            try transaction.deleteKey(bundleID: stored.bundleID)
            try transaction.deleteUploads(model: model, version: version)
            try change.log(
                AuditAction.versionDelete,
                principal: principal,
                model: model,
                version: version
            )
        }
        openedVersions.forget(model: model, version: version)
        // The key's row is gone; its bytes are in the log until that is folded in. The version is
        // deleted already, so a failure here is not the caller's.
        _ = try? metadata.checkpoint()
    }

    private func settleServed(
        _ model: String,
        _ alias: AliasInfo,
        _ move: StoredMove,
        _ change: inout Change
    ) throws {
        try setOutcome(.served, of: move, model, alias.name, change)
        try change.transaction.setAlias(
            model: model,
            alias.answering(with: alias.targetVersion, target: alias.targetVersion)
        )
        try change.log(
            AuditAction.aliasServed,
            principal: AuditAction.serverPrincipal,
            model: model,
            version: alias.targetVersion,
            detail: "\(alias.name) from \(alias.version), generation \(alias.generation)"
        )
    }

    private func settleRejected(
        _ model: String,
        _ alias: AliasInfo,
        _ move: StoredMove,
        reason: String,
        _ change: inout Change
    ) throws {
        try setOutcome(.rejected, of: move, model, alias.name, change)
        try change.transaction.setAlias(
            model: model,
            alias.answering(with: alias.version, target: alias.version, failure: reason)
        )
        try change.log(
            AuditAction.aliasRejected,
            principal: AuditAction.serverPrincipal,
            model: model,
            version: alias.targetVersion,
            detail: "\(alias.name) stays at \(alias.version), generation "
                + "\(alias.generation): \(reason)"
        )
    }

    private func setOutcome(
        _ outcome: AliasOutcome,
        of move: StoredMove,
        _ model: String,
        _ alias: String,
        _ change: Change
    ) throws {
        var move = move
        move.info = move.info.settled(
            outcome,
            servedUnixMs: outcome == .served ? change.nowUnixMs : 0
        )
        try change.transaction.setMove(model: model, name: alias, move)
    }
}

extension AliasInfo {
    /// The alias with what answers and what is asked for.
    func answering(
        with version: UInt64,
        target: UInt64,
        failure: String = ""
    ) -> AliasInfo {
        AliasInfo(
            name: name,
            version: version,
            generation: generation,
            targetVersion: target,
            failure: failure,
            changedUnixMs: changedUnixMs,
            changedBy: changedBy
        )
    }
}
