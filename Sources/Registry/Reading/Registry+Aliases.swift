extension Registry {
    /// One alias.
    ///
    /// - Throws: `notFound` for no such model or alias.
    package func alias(model: String, alias: String) throws -> AliasInfo {
        try metadata.read { transaction in
            guard try transaction.modelExists(model) else { throw Registry.noModel(model) }
            guard let found = try transaction.alias(model: model, name: alias) else {
                throw Registry.noAlias(model, alias)
            }
            return found
        }
    }

    /// The terms of a move; `nil` if it is not pending.
    package func pendingMove(
        model: String,
        alias: String,
        generation: UInt64
    ) throws -> PendingMove? {
        try metadata.read { transaction in
            let move = try transaction.move(model: model, name: alias, generation: generation)
            guard let move, move.info.outcome == .pending else { return nil }
            return PendingMove(isRollback: move.isRollback, overrides: move.overrides)
        }
    }

    /// The accepted moves of an alias, newest first; of a deleted alias too.
    ///
    /// - Parameters:
    ///   - generation: The last generation of the page before; `nil` from the newest.
    ///   - limit: Entries wanted, cut to ``Limits/maxPageEntries``.
    /// - Throws: `notFound` for an alias that never was.
    package func aliasHistory(
        model: String,
        alias: String,
        before generation: UInt64?,
        limit: Int
    ) throws -> [AliasMoveInfo] {
        try metadata.read { transaction in
            guard try transaction.modelExists(model) else { throw Registry.noModel(model) }
            let moves = try transaction.moves(
                model: model,
                name: alias,
                before: min(generation ?? .max, UInt64(Int64.max)),
                limit: Limits.page(limit)
            )
            if moves.isEmpty,
                try transaction.moves(
                    model: model,
                    name: alias,
                    before: UInt64(Int64.max),
                    limit: 1
                ).isEmpty
            {
                throw Registry.noAlias(model, alias)
            }
            return moves
        }
    }

    /// The audit log, oldest first.
    ///
    /// - Parameters:
    ///   - model: Events of this model only; `nil`: all.
    ///   - sequence: The last sequence of the page before; 0 from the first.
    ///   - limit: Entries wanted, cut to ``Limits/maxPageEntries``.
    ///   - visible: Which models the caller may know of; asked with an empty name for events of
    ///     the registry as a whole.
    package func auditEvents(
        model: String?,
        after sequence: UInt64,
        limit: Int,
        where visible: (String) -> Bool
    ) throws -> [AuditEventInfo] {
        let limit = Limits.page(limit)
        return try metadata.read { transaction in
            var events: [AuditEventInfo] = []
            try transaction.auditEvents(
                model: model,
                after: min(sequence, UInt64(Int64.max))
            ) { event in
                if visible(event.model) { events.append(event) }
                return events.count < limit
            }
            return events
        }
    }
}
