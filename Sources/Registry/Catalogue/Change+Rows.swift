/// The reads of a change. A row that differs from the signed catalogue is a ``RegistryFault``.
extension Change {
    /// Whether a version of the model was ever committed.
    func modelExists(_ model: String) throws -> Bool {
        try rows.checkModel(model)
        return told.versions[model] != nil
    }

    /// Takes the next number of a model's versions, which makes the model if need be.
    func takeVersionNumber(model: String) throws -> UInt64 {
        try rows.checkModel(model)
        return try transaction.takeVersionNumber(model: model)
    }

    /// An alias; `nil` if there is none.
    func alias(model: String, name: String) throws -> AliasInfo? {
        let name = AliasName(model: model, name: name)
        try rows.checkAlias(name)
        return told.alias(name)
    }

    /// The aliases of a model by name. That the table has them is looked at before the head is
    /// signed, as for all aliases.
    func aliases(model: String) throws -> [AliasInfo] {
        try transaction.aliases(model: model).compactMap { found in
            try alias(model: model, name: found.name)
        }
    }

    /// The newest move of an alias's name; `nil` if it never was.
    func newestMove(model: String, name: String) throws -> StoredMove? {
        let name = AliasName(model: model, name: name)
        try rows.checkNewestMove(name)
        return told.aliases[name]?.move
    }

    /// The targets of a rollback, from the history of the alias since it was last deleted.
    func servedStack(model: String, name: String) throws -> ServedStack {
        let name = AliasName(model: model, name: name)
        try rows.checkCounter(name)
        let deleted = told.aliases[name]?.deletedGeneration ?? 0
        return ServedStack(
            try rows.history(name).filter { $0.info.generation > deleted }.map { move in
                ServedStack.Move(
                    toVersion: move.info.toVersion,
                    isRollback: move.isRollback,
                    outcome: move.info.outcome
                )
            }
        )
    }

    /// Takes the next generation of an alias's name. It never starts again.
    func takeGeneration(model: String, name: String) throws -> UInt64 {
        try rows.checkCounter(AliasName(model: model, name: name))
        return try transaction.takeGeneration(model: model, name: name)
    }
}
