import Registry
import Testing

@Suite("Histories")
struct HistoryTests {
    private static let model = "shared"

    /// What each thread does, again and again; every kind of change is in it.
    private enum Worker: CaseIterable {
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
        case look
    }

    private struct Run {
        let registry: Registry
        let history = History()

        func work(_ worker: Worker, round: Int) throws {
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
            case .look: try look("live")
            }
        }

        private func publish(_ alias: String?, _ round: Int) throws {
            let outcome = try history.record(.publish(alias: alias)) { principal in
                let committed = try registry.publish(
                    TestBundle(model: model, content: patterned(64, seed: UInt64(round))),
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
            let newest = try registry.versions(model: model, before: nil, limit: 1)[0].version
            let version = UInt64(round) % newest + 1
            let action = Call.Action.set(
                alias: alias,
                version: version,
                expected: seen.generation
            )
            let outcome = try history.record(action) { principal in
                let change = try registry.setAlias(
                    model: model,
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
                    model: model,
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
                model: model,
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
                        model: model,
                        alias: alias,
                        generation: generation,
                        outcome: isServed ? .served : .rejected(reason: "odd")
                    )
                )
            }
        }

        private func delete(_ version: UInt64) throws {
            try history.record(.delete(version: version)) { principal in
                try registry.deleteVersion(model: model, version: version, principal: principal)
                return .deleted
            }
        }

        @discardableResult
        private func look(_ alias: String) throws -> AliasPoint? {
            let outcome = try history.record(.look(alias: alias)) { _ in
                .saw(try registry.alias(model: model, alias: alias).point)
            }
            guard case .saw(let point) = outcome else { return nil }
            return point
        }
    }

    /// Work on one model, which begins with four versions and both aliases there.
    private static func run(rounds: Int, isAtOnce: Bool) throws -> (TestHome, Run) {
        let home = try TestHome(in: fastFolder)
        try home.create()
        let run = Run(registry: try home.open())
        for round in 0..<2 {
            for worker in [Worker.publishLive, .publishNext] { try run.work(worker, round: round) }
        }
        if isAtOnce {
            onThreads(Worker.allCases.count) { index in
                for round in 0..<rounds { try run.work(Worker.allCases[index], round: round) }
            }
        } else {
            for round in 0..<rounds {
                for worker in Worker.allCases { try run.work(worker, round: round) }
            }
        }
        return (home, run)
    }

    @Test("calls of many threads are as if made one after the other, in the order of the log")
    func serialisable() throws {
        let (home, run) = try Self.run(rounds: 12, isAtOnce: true)
        let registry = run.registry
        let check = HistoryCheck(run.history.calls, try registry.allEvents())
        #expect(check.violations == [])
        try AuditCheck.expectChained(registry)
        // The registry ended where the log's order leads, and numbers have no gaps.
        let versions = try registry.versions(model: Self.model, before: nil, limit: 1_000)
        #expect(versions.reversed().map { $0.state == .deleted } == check.final.deleted)
        #expect(versions.reversed().map(\.version) == (1...UInt64(4 + 3 * 12)).map { $0 })
        for alias in ["live", "next"] {
            let expected = check.final.aliases[alias]
            #expect(try registry.alias(model: Self.model, alias: alias).point == expected?.point)
            let moves = try registry.aliasHistory(
                model: Self.model,
                alias: alias,
                before: nil,
                limit: 1_000
            )
            #expect(moves.reversed().map(\.outcome) == expected?.moves.map(\.outcome))
            #expect(moves.reversed().map(\.toVersion) == expected?.moves.map(\.version))
            #expect(moves.reversed().map(\.generation) == (1...UInt64(moves.count)).map { $0 })
        }
        withExtendedLifetime(home) {}
    }

    @Test("the check finds what no order of the calls can explain")
    func planted() throws {
        let (home, run) = try Self.run(rounds: 3, isAtOnce: false)
        let calls = run.history.calls
        let events = try run.registry.allEvents()
        #expect(HistoryCheck(calls, events).violations == [])
        func finds(_ what: String, _ change: (inout [Call], inout [AuditEventInfo]) throws -> Void)
            throws
        {
            var (calls, events) = (calls, events)
            try change(&calls, &events)
            #expect(!HistoryCheck(calls, events).violations.isEmpty, "\(what)")
        }
        func index(_ matches: @escaping (Call) -> Bool) throws -> Int {
            try #require(calls.lastIndex(where: matches))
        }
        let published = try index { if case .published = $0.outcome { true } else { false } }
        try finds("a version number that was taken") { calls, _ in
            calls[published].outcome = .published(version: 1, generation: 0)
        }
        try finds("a generation that was skipped") { calls, _ in
            let moved = try index { if case .moved = $0.outcome { true } else { false } }
            guard case .moved(let version, let generation) = calls[moved].outcome else { return }
            calls[moved].outcome = .moved(version: version, generation: generation + 1)
        }
        try finds("an accepted compare-and-set of another generation") { calls, _ in
            let set = try index {
                if case (.set, .moved) = ($0.action, $0.outcome) { true } else { false }
            }
            guard case .set(let alias, let version, let expected) = calls[set].action else {
                return
            }
            calls[set].action = .set(alias: alias, version: version, expected: expected + 1)
        }
        try finds("a call that ended before one that is logged earlier began") { calls, _ in
            calls[published].begin = 0
            calls[published].end = 0
        }
        try finds("an alias seen as it never was") { calls, _ in
            let seen = try index { if case .saw = $0.outcome { true } else { false } }
            calls[seen].outcome = .saw(AliasPoint(version: 1, target: 1, generation: 1_000))
        }
        try finds("a compare-and-set refused for nothing") { calls, _ in
            let set = try index {
                if case (.set, .moved) = ($0.action, $0.outcome) { true } else { false }
            }
            var refused = calls[set]
            guard case .set(let alias, let version, _) = refused.action else { return }
            refused.action = .set(alias: alias, version: version, expected: 0)
            refused.outcome = .refused(.aborted)
            calls.append(refused)
        }
        try finds("an event that nobody caused") { _, events in
            events.append(events[events.count - 1])
        }
        try finds("a change that the log has lost") { _, events in events.removeLast() }
        withExtendedLifetime(home) {}
    }
}

extension AliasInfo {
    var point: AliasPoint {
        AliasPoint(version: version, target: targetVersion, generation: generation)
    }
}
