import Registry

/// What each thread does, again and again; every kind of change is in it.
enum HistoryWorker: CaseIterable {
    case publishLive
    case publishNext
    case publishOnly
    case swapLive
    case swapLiveToo
    case swapNext
    case rollbackLive
    case rollbackNext
    case delete
    case deleteToo
    case validate
    case validateToo
    case look
    case read
    case readToo
    case collect
    case collectToo
    case rotate
}

/// Calls on one model, written down.
struct HistoryRun {
    static let model = "shared"

    let home: TestHome
    let registry: Registry
    let history = History()

    func work(_ worker: HistoryWorker, round: Int) throws {
        switch worker {
        case .publishLive: try publish("live", round)
        case .publishNext: try publish("next", round)
        case .publishOnly: try publish(nil, round)
        case .swapLive, .swapLiveToo: try swap("live", round)
        case .swapNext: try swap("next", round)
        case .rollbackLive: try rollback("live", round)
        case .rollbackNext: try rollback("next", round)
        case .delete: try delete(UInt64(round / 2 + 1))
        case .deleteToo: try delete(UInt64(round + 1))
        // A version fails in one round, and most pass in the next.
        case .validate: try validate(UInt64(round + 5), passes: false)
        case .validateToo: try validate(UInt64(round + 4), passes: !round.isMultiple(of: 3))
        case .look: try look("live")
        case .read: try read(round)
        case .readToo: try read(2 * round)
        case .collect, .collectToo: try collect()
        case .rotate: try rotate()
        }
    }

    private func publish(_ alias: String?, _ round: Int) throws {
        let outcome = try history.record(.publish(alias: alias)) { principal in
            let committed = try registry.publish(
                TestBundle(model: HistoryRun.model, content: patterned(64, seed: UInt64(round))),
                alias: alias,
                principal: principal
            )
            return .published(
                version: committed.version.version,
                generation: committed.move?.generation ?? 0
            )
        }
        if let alias, case .published(_, let generation) = outcome {
            try settle(alias, generation, round)
        }
    }

    /// Compare-and-set of what was seen; another's may come between.
    private func swap(_ alias: String, _ round: Int) throws {
        guard let seen = try look(alias) else { return }
        let newest = try registry.versions(model: HistoryRun.model, before: nil, limit: 1)[0]
            .version
        let version = UInt64(round) % newest + 1
        let action = Call.Action.set(
            alias: alias,
            version: version,
            expected: seen.generation
        )
        let outcome = try history.record(action) { principal in
            let change = try registry.setAlias(
                model: HistoryRun.model,
                alias: alias,
                version: version,
                expectedGeneration: seen.generation,
                principal: principal
            )
            return .moved(version: version, generation: change.alias.generation)
        }
        if case .moved(_, let generation) = outcome { try settle(alias, generation, round) }
    }

    private func rollback(_ alias: String, _ round: Int) throws {
        guard let seen = try look(alias) else { return }
        let expected = round % 2 == 0 ? 0 : seen.generation
        let action = Call.Action.rollback(alias: alias, expected: expected)
        let outcome = try history.record(action) { principal in
            let change = try registry.rollback(
                model: HistoryRun.model,
                alias: alias,
                expectedGeneration: expected,
                principal: principal
            )
            return .moved(
                version: change.alias.targetVersion,
                generation: change.alias.generation
            )
        }
        if case .moved(_, let generation) = outcome { try settle(alias, generation, round) }
    }

    private func settle(_ alias: String, _ generation: UInt64, _ round: Int) throws {
        // A move to what answers already is settled when it is accepted.
        let move = try registry.aliasHistory(
            model: HistoryRun.model,
            alias: alias,
            before: generation + 1,
            limit: 1
        )[0]
        guard move.outcome != .served, round % 4 != 3 else { return }
        let isServed = round % 5 != 4
        let action = Call.Action.settle(
            alias: alias,
            generation: generation,
            isServed: isServed
        )
        try history.record(action) { _ in
            .settled(
                try registry.settle(
                    model: HistoryRun.model,
                    alias: alias,
                    generation: generation,
                    outcome: isServed ? .served : .rejected(reason: "odd")
                )
            )
        }
    }

    private func delete(_ version: UInt64) throws {
        try history.record(.delete(version: version)) { principal in
            try registry.deleteVersion(
                model: HistoryRun.model,
                version: version,
                principal: principal
            )
            return .deleted
        }
    }

    private func validate(_ version: UInt64, passes: Bool) throws {
        try history.record(.validate(version: version, passes: passes)) { principal in
            let effect = try registry.settleValidation(
                model: HistoryRun.model,
                version: version,
                verdict: passes ? .passed : .failed(reason: "odd, says \(principal)"),
                principal: principal
            )
            return switch effect {
            case .stored: .validated(.stored)
            case .rejected: .validated(.rejected)
            case .kept: .validated(.kept)
            }
        }
    }

    /// Opens a version and reads all of it: whatever is deleted and collected meanwhile, each
    /// byte is there and is the one that was signed.
    private func read(_ round: Int) throws {
        let versions = try registry.versions(model: HistoryRun.model, before: nil, limit: 1_000)
        let version = versions[round % versions.count].version
        try history.record(.read(version: version)) { _ in
            let opened = try registry.open(model: HistoryRun.model, version: version)
            for file in opened.files { _ = try opened.read(file.path) }
            return .wasRead
        }
    }

    /// Frees what nothing refers to.
    func collect() throws {
        try history.record(.collect) { principal in
            let collected = try registry.collect(apply: true, principal: principal)
            guard collected.failed == 0 else {
                throw TestFailure(message: "not all is freed: \(collected)")
            }
            return .collected(blobs: collected.blobs, uploads: collected.uploads)
        }
    }

    /// Brings all keys under a new one.
    private func rotate() throws {
        try history.record(.rotate) { principal in
            let rotation = try registry.rotateKeys(
                signingKeyFolder: home.path + "/keys",
                principal: principal
            )
            guard rotation.failures.isEmpty else {
                throw TestFailure(message: "\(rotation.failures)")
            }
            return .rotated
        }
    }

    @discardableResult
    private func look(_ alias: String) throws -> AliasPoint? {
        let outcome = try history.record(.look(alias: alias)) { _ in
            .saw(try registry.alias(model: HistoryRun.model, alias: alias).point)
        }
        guard case .saw(let point) = outcome else { return nil }
        return point
    }
}

extension AliasInfo {
    var point: AliasPoint {
        AliasPoint(version: version, target: targetVersion, generation: generation)
    }
}
