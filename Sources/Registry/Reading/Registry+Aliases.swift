extension Registry {
    /// One alias.
    ///
    /// - Throws: `notFound` for no such model or alias.
    package func alias(model: String, alias: String) throws -> AliasInfo {
        let name = AliasName(model: model, name: alias)
        let found = try confirmed(
            { try $0.alias(model: model, name: alias) },
            { $0.alias(name) },
            fault: RegistryFault("aliases", name)
        )
        guard let found else {
            guard try modelExists(model) else { throw Registry.noModel(model) }
            throw Registry.noAlias(model, alias)
        }
        return found
    }

    /// The terms of a move; `nil` if it is not pending.
    package func pendingMove(
        model: String,
        alias: String,
        generation: UInt64
    ) throws -> PendingMove? {
        let name = AliasName(model: model, name: alias)
        return try confirmed(
            { try $0.move(model: model, name: alias, generation: generation)?.pending },
            { told in
                let newest = told.aliases[name]?.move
                return newest?.info.generation == generation ? newest?.pending : nil
            },
            fault: RegistryFault("alias_moves", name)
        )
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
}
