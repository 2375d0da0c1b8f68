import Registry
import Testing

@Suite("Histories")
struct HistoryTests {
    /// Work on one model, which begins with four versions and both aliases there.
    private static func run(rounds: Int, isAtOnce: Bool) throws -> HistoryRun {
        let home = try TestHome(in: fastFolder)
        try home.create()
        let run = HistoryRun(home: home, registry: try home.open())
        for round in 0..<2 {
            for worker in [HistoryWorker.publishLive, .publishNext] {
                try run.work(worker, round: round)
            }
        }
        if isAtOnce {
            onThreads(HistoryWorker.allCases.count) { index in
                for round in 0..<rounds {
                    try run.work(HistoryWorker.allCases[index], round: round)
                }
            }
        } else {
            for round in 0..<rounds {
                for worker in HistoryWorker.allCases { try run.work(worker, round: round) }
            }
        }
        return run
    }

    @Test("calls of many threads are as if made one after the other, in the order of the log")
    func serialisable() throws {
        let run = try Self.run(rounds: 12, isAtOnce: true)
        let registry = run.registry
        try run.collect()
        let check = HistoryCheck(run.history.calls, try registry.allEvents())
        #expect(check.violations == [])
        try AuditCheck.expectChained(registry)
        // The registry ended where the log's order leads, and numbers have no gaps.
        let versions = try registry.versions(model: HistoryRun.model, before: nil, limit: 1_000)
        #expect(versions.reversed().map { $0.state == .deleted } == check.final.deleted)
        let rejected = Set(versions.filter { $0.state == .rejected }.map(\.version))
        let isStillThere = { (version: UInt64) in !check.final.deleted[Int(version) - 1] }
        #expect(rejected == check.final.rejected.filter(isStillThere))
        #expect(versions.reversed().map(\.version) == (1...UInt64(4 + 3 * 12)).map { $0 })
        for alias in ["live", "next"] {
            let expected = check.final.aliases[alias]
            #expect(
                try registry.alias(model: HistoryRun.model, alias: alias).point == expected?.point
            )
            let moves = try registry.aliasHistory(
                model: HistoryRun.model,
                alias: alias,
                before: nil,
                limit: 1_000
            )
            #expect(moves.reversed().map(\.outcome) == expected?.moves.map(\.outcome))
            #expect(moves.reversed().map(\.toVersion) == expected?.moves.map(\.version))
            #expect(moves.reversed().map(\.generation) == (1...UInt64(moves.count)).map { $0 })
        }
        try expectKept(run, check.final)
    }

    /// Every version that is not deleted is there as a whole, and nothing else is.
    private func expectKept(_ run: HistoryRun, _ final: RegistryModel) throws {
        let perVersion = RegistryModel.blobsPerVersion
        for (index, isDeleted) in final.deleted.enumerated() where !isDeleted {
            let opened = try run.registry.open(
                model: HistoryRun.model,
                version: UInt64(index + 1)
            )
            for file in opened.files { _ = try opened.read(file.path) }
        }
        let deleted = final.deleted.filter { $0 }.count
        #expect(deleted > 0 && final.freed == perVersion * UInt64(deleted))
        let blobs = try StoreContent(run.home).blobs
        #expect(blobs == Int(perVersion) * (final.deleted.count - deleted))
    }

    @Test("the check finds what no order of the calls can explain")
    func planted() throws {
        let run = try Self.run(rounds: 3, isAtOnce: false)
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
        try finds("a validation that kept what failed although no alias points to it") { calls, _ in
            let rejected = try index { $0.outcome == .validated(.rejected) }
            calls[rejected].outcome = .validated(.kept)
        }
        try finds("a validation of what was never rejected that the log knows of") { calls, _ in
            let passed = try index { $0.outcome == .validated(.stored) }
            guard case .validate(_, let passes) = calls[passed].action else { return }
            calls[passed].action = .validate(version: 1_000, passes: passes)
        }
        let read = try index { if case .wasRead = $0.outcome { true } else { false } }
        try finds("a version that was damaged when it was read") { calls, _ in
            calls[read].outcome = .refused(.dataLoss)
        }
        try finds("a version that was read after it was deleted") { calls, _ in
            let gone = try index { $0.outcome == .deleted }
            guard case .delete(let version) = calls[gone].action else { return }
            var late = calls[read]
            late.action = .read(version: version)
            (late.begin, late.end) = (Int.max, Int.max)
            calls.append(late)
        }
        try finds("more freed than what was deleted") { calls, _ in
            let freed = try index {
                if case .collected(1..., _) = $0.outcome { true } else { false }
            }
            calls[freed].outcome = .collected(blobs: 1_000, uploads: 0)
        }
        try finds("an event that nobody caused") { _, events in
            events.append(events[events.count - 1])
        }
        try finds("a change that the log has lost") { _, events in events.removeLast() }
    }
}
