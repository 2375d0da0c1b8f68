internal import Text

/// Compares rows with the catalogue as it was signed. Each method throws ``RegistryFault`` at the
/// first row that differs, is missing, or is there and should not be; a row that cannot be read
/// differs.
struct CatalogueRows {
    let transaction: MetadataTransaction
    let told: LoggedCatalogue

    /// All rows of all tables that the log tells of.
    func checkAll() throws {
        try checkAliases()
        try checkCounters()
        try checkMoves()
        try checkModels()
        try checkVersions()
    }

    // MARK: - Heads

    /// The head's row, column by column.
    func checkHead(_ expected: StoredHead) throws {
        let found = try rows("catalogue", "1") { try transaction.head() }
        guard let found, found == expected else { throw RegistryFault("catalogue", "1") }
    }

    /// The newest event. Its hash covers its fields and, through the event before, the whole log.
    func checkNewest(_ expected: AuditEventInfo) throws {
        let key = "\(expected.sequence)"
        let found = try rows("audit", key) { try transaction.newestAuditEvent() }
        guard let found else { throw RegistryFault("audit", key) }
        guard found.sequence <= expected.sequence else {
            throw RegistryFault("audit", "\(found.sequence)")
        }
        guard expected.isSame(as: found) else { throw RegistryFault("audit", key) }
    }

    /// The row of the version that was published last names the record that the head does.
    func checkNewestRecord(_ sha256: [UInt8]) throws {
        guard let (model, version) = told.newestVersion else { return }
        let fault = RegistryFault(model: model, version: version)
        let found = try rows(fault) {
            try transaction.recordSHA256(model: model, version: version)
        }
        guard found == sha256 else { throw fault }
    }

    // MARK: - Aliases

    /// All aliases: those that a head states and no other, with what it does not state.
    func checkAliases() throws {
        var count = 0
        try transaction.eachAlias { name, alias in
            count += 1
            guard told.aliases[name]?.isSame(as: alias) == true else {
                throw RegistryFault("aliases", name)
            }
        }
        guard count != told.aliasCount else { return }
        for name in told.aliases.keys.sorted() where told.aliases[name]?.row != nil {
            try checkAlias(name)
        }
    }

    /// One alias's row.
    func checkAlias(_ name: AliasName) throws {
        let fault = RegistryFault("aliases", name)
        let found = try rows(fault) {
            try transaction.alias(model: name.model, name: name.name)
        }
        guard told.aliases[name].isSame(as: found) else { throw fault }
    }

    /// One alias's counter.
    func checkCounter(_ name: AliasName) throws {
        let fault = RegistryFault("alias_counters", name)
        let found = try rows(fault) { try transaction.counter(of: name) }
        guard told.aliases[name]?.counter == found else { throw fault }
    }

    private func checkCounters() throws {
        var count = 0
        try transaction.eachCounter { name, counter in
            count += 1
            guard told.aliases[name]?.counter == counter else {
                throw RegistryFault("alias_counters", name)
            }
        }
        guard count != told.aliases.count else { return }
        for name in told.aliases.keys.sorted() { try checkCounter(name) }
    }

    /// One alias's newest move.
    func checkNewestMove(_ name: AliasName) throws {
        guard let alias = told.aliases[name] else { return }
        let fault = RegistryFault("alias_moves", name)
        let found = try rows(fault) {
            try transaction.move(model: name.model, name: name.name, generation: alias.generation)
        }
        guard let found, alias.move.isSame(as: found) else { throw fault }
    }

    /// One alias's whole history, oldest first.
    func history(_ name: AliasName) throws -> [StoredMove] {
        let fault = RegistryFault("alias_moves", name)
        let moves = try rows(fault) { try transaction.history(of: name) }
        guard let alias = told.aliases[name], let last = moves.last,
            moves.dropLast().reduce(StoredMove.noHistory, { $1.chained(to: $0) })
                == alias.historySHA256, alias.move.isSame(as: last)
        else { throw fault }
        return moves
    }

    private func checkMoves() throws {
        var digests: [AliasName: [UInt8]] = [:]
        try transaction.eachMove { name, move in
            digests[name] = move.chained(to: digests[name] ?? StoredMove.noHistory)
            guard told.aliases[name] != nil else { throw RegistryFault("alias_moves", name) }
        }
        for name in told.aliases.keys.sorted() {
            guard let alias = told.aliases[name] else { continue }
            guard digests[name] == alias.move.chained(to: alias.historySHA256) else {
                throw RegistryFault("alias_moves", name)
            }
        }
    }

    // MARK: - Models and versions

    /// One model's row.
    func checkModel(_ model: String) throws {
        let fault = RegistryFault("models", model: model)
        let found = try rows(fault) { try transaction.newestVersion(model: model) }
        guard found == told.versions[model].map({ UInt64($0.count) }) else { throw fault }
    }

    private func checkModels() throws {
        var count = 0
        try transaction.eachModel { model, newest in
            count += 1
            guard told.versions[model].map({ UInt64($0.count) }) == newest else {
                throw RegistryFault("models", model: model)
            }
        }
        guard count != told.versions.count else { return }
        for model in told.versions.keys.sorted() { try checkModel(model) }
    }

    /// One version's state and reason.
    func checkState(model: String, version: UInt64) throws {
        let fault = RegistryFault(model: model, version: version)
        let found = try rows(fault) {
            try transaction.state(model: model, version: version)
        }
        let expected = told.version(model: model, version: version)
        guard let found, let expected, expected.isSame(as: found) else { throw fault }
    }

    private func checkVersions() throws {
        var count = 0
        try transaction.eachState { model, version, found in
            count += 1
            guard told.version(model: model, version: version)?.isSame(as: found) == true else {
                throw RegistryFault(model: model, version: version)
            }
        }
        guard count != told.versions.values.reduce(0, { $0 + $1.count }) else { return }
        for (model, versions) in told.versions.sorted(by: { $0.key < $1.key }) {
            for index in versions.indices {
                try checkState(model: model, version: UInt64(index) + 1)
            }
        }
    }

    // MARK: - Rows that cannot be read

    private func rows<R>(_ table: String, _ key: String, _ read: () throws -> R) throws -> R {
        try rows(RegistryFault(table, key), read)
    }

    private func rows<R>(_ fault: RegistryFault, _ read: () throws -> R) throws -> R {
        do {
            return try read()
        } catch let error as RegistryError where error.code == .dataLoss {
            throw fault
        }
    }
}

extension LoggedCatalogue.Alias {
    var counter: AliasCounter {
        AliasCounter(generation: generation, deletedGeneration: deletedGeneration)
    }

    fileprivate func isSame(as found: AliasInfo) -> Bool {
        guard let row else { return false }
        return found.generation == generation && found.version == row.version
            && found.targetVersion == row.target && found.changedUnixMs == row.changedUnixMs
            && ExactString(found.failure) == ExactString(row.failure)
            && ExactString(found.changedBy) == ExactString(row.changedBy)
    }
}

extension LoggedCatalogue.Alias? {
    fileprivate func isSame(as found: AliasInfo?) -> Bool {
        guard let alias = self, alias.row != nil else { return found == nil }
        return found.map { alias.isSame(as: $0) } ?? false
    }
}

extension LoggedCatalogue.Version {
    fileprivate func isSame(as found: StoredState) -> Bool {
        found.state == state && LoggedCatalogue.digest(ofReason: found.reason) == reasonSHA256
    }
}

extension StoredMove {
    /// By bytes, as their digests.
    fileprivate func isSame(as other: StoredMove) -> Bool {
        chained(to: StoredMove.noHistory) == other.chained(to: StoredMove.noHistory)
    }
}

extension AuditEventInfo {
    /// Whether another event's fields, and not only its hash, are those of this one.
    fileprivate func isSame(as other: AuditEventInfo) -> Bool {
        other.sequence == sequence && other.hash == hash && other.isIntact
    }
}
