import Testing
import Text

@testable import Registry

@Suite("Aliases")
struct AliasTests {
    private let home: TestHome
    private let registry: Registry
    private let model = "sentiment"
    private let ann = "cert:ann"

    init() throws {
        home = try TestHome()
        registry = try home.open()
        for _ in 1...4 { _ = try registry.publishSmall() }
    }

    @discardableResult
    private func set(
        _ version: UInt64,
        _ alias: String = "live",
        expected: UInt64 = 0,
        new: Bool = false,
        settle: AliasSettlement? = .served
    ) throws -> AliasInfo {
        let change = try registry.setAlias(
            model: model,
            alias: alias,
            version: version,
            expectedGeneration: expected,
            mustNotExist: new,
            principal: ann
        )
        if let settle {
            _ = try registry.settle(
                model: model,
                alias: alias,
                generation: change.alias.generation,
                outcome: settle
            )
        }
        return try registry.alias(model: model, alias: alias)
    }

    @discardableResult
    private func back(to version: UInt64 = 0, expected: UInt64 = 0, serve: Bool = true) throws
        -> AliasChange
    {
        let change = try registry.rollback(
            model: model,
            alias: "live",
            toVersion: version,
            expectedGeneration: expected,
            reason: "r",
            principal: ann
        )
        if serve {
            _ = try registry.settle(
                model: model,
                alias: "live",
                generation: change.alias.generation,
                outcome: .served
            )
        }
        return change
    }

    private var outcomes: [String] {
        get throws {
            try registry.aliasHistory(model: model, alias: "live", before: nil, limit: 100).map {
                "\($0.generation):\($0.fromVersion)>\($0.toVersion) \($0.outcome.rawValue)"
            }.reversed()
        }
    }

    @Test("a move is a wish until it is settled")
    func settling() throws {
        let asked = try registry.setAlias(model: model, alias: "live", version: 2, principal: ann)
        #expect(asked.previousVersion == 0)
        #expect(asked.alias.version == 0 && asked.alias.targetVersion == 2)
        #expect(try registry.version(model: model, version: 2).aliases == ["live"])
        #expect(
            try registry.settle(model: model, alias: "live", generation: 1, outcome: .served)
        )
        let settled = try registry.alias(model: model, alias: "live")
        #expect(settled.version == 2 && settled.targetVersion == 2 && settled.generation == 1)
        let move = try #require(
            try registry.aliasHistory(model: model, alias: "live", before: nil, limit: 1).first
        )
        #expect(move.servedUnixMs > move.askedUnixMs && move.principal == ann)
        // Again is harmless; the other outcome is too late.
        #expect(try registry.settle(model: model, alias: "live", generation: 1, outcome: .served))
        #expect(
            try !registry.settle(
                model: model,
                alias: "live",
                generation: 1,
                outcome: .rejected(reason: "x")
            )
        )
    }

    @Test("the checks that a move passes over are kept with it and stand in the audit log")
    func overrides() throws {
        let both = MoveOverrides(allowsSignatureChange: true, isForced: true)
        for (overrides, text) in [
            (MoveOverrides(), ""),
            (MoveOverrides(allowsSignatureChange: true), ", allow_signature_change"),
            (MoveOverrides(isForced: true), ", force"),
            (both, ", allow_signature_change, force"),
        ] {
            let generation = try registry.setAlias(
                model: model,
                alias: "live",
                version: 1,
                overrides: overrides,
                principal: ann,
                reason: "why"
            ).alias.generation
            func pending() throws -> PendingMove? {
                try registry.pendingMove(model: model, alias: "live", generation: generation)
            }
            #expect(try pending() == PendingMove(isRollback: false, overrides: overrides))
            let event = try registry.auditEvents(model: model, after: 0, limit: 100) { _ in true }
                .last
            #expect(event?.detail == "live from 0, generation \(generation)\(text): why")
            _ = try registry.settle(
                model: model,
                alias: "live",
                generation: generation,
                outcome: .rejected(reason: "x")
            )
            #expect(try pending() == nil)
        }
        #expect(try home.verify().faults == [])
    }

    @Test("a rollback passes over nothing, and says what it is")
    func rollbackTerms() throws {
        try set(1)
        try set(2)
        let generation = try back(serve: false).alias.generation
        #expect(
            try registry.pendingMove(model: model, alias: "live", generation: generation)
                == PendingMove(isRollback: true, overrides: MoveOverrides())
        )
    }

    @Test("a later move supersedes a pending one, whose settling then comes to nothing")
    func superseded() throws {
        try set(1)
        try set(2, settle: nil)
        try set(3, settle: nil)
        #expect(
            try !registry.settle(model: model, alias: "live", generation: 2, outcome: .served)
        )
        #expect(
            try !registry.settle(
                model: model,
                alias: "live",
                generation: 2,
                outcome: .rejected(reason: "x")
            )
        )
        #expect(try registry.alias(model: model, alias: "live").version == 1)
        #expect(try registry.settle(model: model, alias: "live", generation: 3, outcome: .served))
        #expect(try outcomes == ["1:0>1 served", "2:1>2 superseded", "3:1>3 served"])
    }

    @Test("a rejected target leaves what answers as it was, and says why")
    func rejected() throws {
        try set(1)
        let alias = try set(2, settle: .rejected(reason: "golden/0.json differs"))
        #expect(alias.version == 1 && alias.targetVersion == 1 && alias.generation == 2)
        #expect(alias.failure == "golden/0.json differs")
        #expect(try outcomes.last == "2:1>2 rejected")
        #expect(try set(3).failure.isEmpty)
    }

    @Test("a first target that is rejected leaves an alias that answers with nothing")
    func firstRejected() throws {
        let alias = try set(1, settle: .rejected(reason: "no"))
        #expect(alias.version == 0 && alias.targetVersion == 0 && alias.failure == "no")
        #expect(refusal { try back() } == .failedPrecondition)
    }

    @Test("rejecting a version ends the moves that wait for it; what answers with it goes on")
    func rejectVersion() throws {
        try set(2, "stable")
        try set(1)
        try set(2, settle: nil)
        try registry.reject(model: model, version: 2, reason: "crashed")
        let version = try registry.version(model: model, version: 2)
        #expect(version.state == .rejected && version.reason == "crashed")
        #expect(version.aliases == ["stable"])
        let live = try registry.alias(model: model, alias: "live")
        #expect(live.targetVersion == 1 && live.failure == "crashed")
        #expect(
            try registry.settle(
                model: model,
                alias: "live",
                generation: 2,
                outcome: .rejected(reason: "late")
            )
        )
        #expect(
            try !registry.settle(model: model, alias: "live", generation: 2, outcome: .served)
        )
        #expect(refusal { try set(2) } == .failedPrecondition)
        try registry.reject(model: model, version: 2, reason: "again")
        #expect(try registry.version(model: model, version: 2).reason == "crashed")
        #expect(try registry.open(model: model, version: 2).info.state == .rejected)
    }

    @Test("a move to what answers already is served at once")
    func same() throws {
        try set(1)
        try set(2, settle: nil)
        let alias = try set(1, settle: nil)
        #expect(alias.version == 1 && alias.targetVersion == 1 && alias.generation == 3)
        #expect(try outcomes == ["1:0>1 served", "2:1>2 superseded", "3:1>1 served"])
    }

    @Test("compare-and-set takes the right generation, and nothing else")
    func compareAndSet() throws {
        #expect(refusal { try set(1, expected: 1) } == .aborted)
        try set(1)
        #expect(refusal { try set(2, expected: 2) } == .aborted)
        #expect(try set(2, expected: 1).generation == 2)
        #expect(refusal { try set(3, expected: 1) } == .aborted)
        #expect(refusal { try back(expected: 1) } == .aborted)
        #expect(
            refusal {
                try registry.deleteAlias(
                    model: model,
                    alias: "live",
                    expectedGeneration: 1,
                    principal: ann
                )
            } == .aborted
        )
        #expect(try back(expected: 2).alias.targetVersion == 1)
    }

    @Test("create-only creates, and refuses an alias that is there")
    func mustNotExist() throws {
        #expect(try set(1, new: true).generation == 1)
        #expect(refusal { try set(2, new: true) } == .alreadyExists)
    }

    @Test("generations never start again, and a new alias goes back to nothing of the old one's")
    func generations() throws {
        try set(1)
        try set(2)
        try registry.deleteAlias(model: model, alias: "live", principal: ann)
        #expect(refusal { try registry.alias(model: model, alias: "live") } == .notFound)
        #expect(try outcomes.count == 2)
        let alias = try set(3, new: true)
        #expect(alias.generation == 3)
        #expect(refusal { try back() } == .failedPrecondition)
        #expect(refusal { try back(to: 1) } == .failedPrecondition)
    }

    @Test("a pending move of a deleted alias is superseded")
    func deletePending() throws {
        try set(1, settle: nil)
        try registry.deleteAlias(model: model, alias: "live", principal: ann)
        #expect(
            try !registry.settle(model: model, alias: "live", generation: 1, outcome: .served)
        )
        #expect(try outcomes == ["1:0>1 superseded"])
    }

    @Test("what is not there is not found")
    func missing() throws {
        #expect(refusal { try set(9) } == .notFound)
        #expect(refusal { try set(0) } == .notFound)
        #expect(
            refusal {
                try registry.setAlias(model: "no", alias: "live", version: 1, principal: ann)
            } == .notFound
        )
        #expect(refusal { try back() } == .notFound)
        #expect(
            refusal { try registry.deleteAlias(model: model, alias: "no", principal: ann) }
                == .notFound
        )
        #expect(
            refusal { try registry.aliasHistory(model: model, alias: "no", before: nil, limit: 1) }
                == .notFound
        )
        #expect(try !registry.settle(model: "no", alias: "x", generation: 1, outcome: .served))
    }

    @Test("rollbacks go back step by step, and then there is nothing left")
    func rollbacks() throws {
        for version: UInt64 in 1...3 { try set(version) }
        let first = try back()
        #expect(first.previousVersion == 3 && first.alias.targetVersion == 2)
        #expect(try back().alias.targetVersion == 1)
        #expect(refusal { try back() } == .failedPrecondition)
        try set(4)
        #expect(try back().alias.targetVersion == 1)
        // By name to one that rollbacks had left; and from there to where it came from.
        #expect(try back(to: 3).alias.targetVersion == 3)
        #expect(try back().alias.targetVersion == 1)
    }

    @Test("a rollback by name goes only to what served here and can still serve")
    func rollbackTo() throws {
        for version: UInt64 in 1...3 { try set(version) }
        #expect(refusal { try back(to: 4) } == .failedPrecondition)
        #expect(refusal { try back(to: 9) } == .notFound)
        #expect(refusal { try back(to: 3) } == .failedPrecondition)
        try registry.reject(model: model, version: 2, reason: "no")
        #expect(refusal { try back(to: 2) } == .failedPrecondition)
        #expect(try back().alias.targetVersion == 1)
    }

    @Test("a rollback while a move is pending goes to what answers")
    func rollbackPending() throws {
        try set(1)
        try set(2)
        try set(3, settle: nil)
        let change = try back(serve: false)
        #expect(change.alias.targetVersion == 2 && change.alias.version == 2)
        #expect(
            try outcomes == ["1:0>1 served", "2:1>2 served", "3:2>3 superseded", "4:2>2 served"]
        )
        #expect(try back().alias.targetVersion == 1)
    }

    @Test("a second rollback while the first is pending goes further back")
    func rollbackTwice() throws {
        for version: UInt64 in 1...3 { try set(version) }
        #expect(try back(serve: false).alias.targetVersion == 2)
        #expect(try back().alias.targetVersion == 1)
    }

    @Test("history is read in pages, newest first")
    func history() throws {
        for version: UInt64 in 1...4 { try set(version) }
        func page(_ before: UInt64?) throws -> [UInt64] {
            try registry.aliasHistory(model: model, alias: "live", before: before, limit: 2)
                .map(\.generation)
        }
        #expect(try page(nil) == [4, 3])
        #expect(try page(3) == [2, 1])
        #expect(try page(1) == [])
    }

    @Test("a version that an alias answers with or waits for cannot be deleted")
    func deletion() throws {
        try set(1)
        try set(2, settle: nil)
        for version: UInt64 in [1, 2] {
            #expect(
                refusal {
                    try registry.deleteVersion(model: model, version: version, principal: ann)
                } == .failedPrecondition
            )
        }
        try registry.deleteVersion(model: model, version: 3, principal: ann)
        #expect(
            refusal { try registry.deleteVersion(model: model, version: 3, principal: ann) }
                == .notFound
        )
        #expect(refusal { try set(3) } == .failedPrecondition)
        #expect(refusal { try registry.open(model: model, version: 3) } == .notFound)
        #expect(refusal { try registry.files(model: model, version: 3) } == .notFound)
        #expect(refusal { try registry.record(model: model, version: 3) } == .notFound)
        #expect(refusal { try registry.version(model: model, version: 3) } == .notFound)
        let deleted = try registry.version(model: model, version: 3, includingDeleted: true)
        #expect(deleted.state == .deleted)
        #expect(try registry.card(model: model, version: 3).entry == "model.onnx")
        #expect(
            try registry.versions(model: model, before: nil, limit: 9).map(\.state)
                == [.stored, .deleted, .stored, .stored]
        )
        try registry.deleteVersion(model: model, version: 4, principal: ann)
        // Numbers are never used again.
        #expect(try registry.publishSmall() == 5)
        let models = try registry.models(after: nil, limit: 1) { _ in true }
        #expect(models.first?.latestVersion == 5)
    }

    @Test("a deleted version is skipped by a rollback, and cannot be read from a warm cache")
    func deletedIsGone() throws {
        for version: UInt64 in 1...3 { try set(version) }
        _ = try registry.readFile(
            model: model,
            version: 2,
            path: "model.onnx",
            offset: 0,
            length: 1
        )
        try registry.deleteVersion(model: model, version: 2, principal: ann)
        #expect(
            refusal {
                try registry.readFile(
                    model: model,
                    version: 2,
                    path: "model.onnx",
                    offset: 0,
                    length: 1
                )
            } == .notFound
        )
        #expect(try back().alias.targetVersion == 1)
    }

    @Test("everything is as it was after a restart")
    func restart() throws {
        let home = try TestHome()
        var registry: Registry? = try home.open()
        for _ in 1...3 { _ = try registry?.publishSmall(alias: "live", serve: true) }
        _ = try registry?.rollback(model: model, alias: "live", principal: ann)
        let before = try registry?.alias(model: model, alias: "live")
        registry = nil
        let reopened = try home.open()
        #expect(try reopened.alias(model: model, alias: "live") == before)
        let all = try reopened.allAliases()
        #expect(all.count == 1 && all.first?.model == model && all.first?.alias == before)
        #expect(
            try reopened.settle(model: model, alias: "live", generation: 4, outcome: .served)
        )
    }
}
