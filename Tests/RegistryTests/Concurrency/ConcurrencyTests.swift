import Registry
import Sealing
import Synchronization
import Testing
import Text

@Suite("Concurrency")
struct ConcurrencyTests {
    @Test("eight threads publish, move, roll back and read, and all of it adds up")
    func eightThreads() throws {
        let home = try TestHome()
        var registry: Registry? = try home.open()
        let shared = try #require(registry)
        let rounds = 6
        onThreads(8) { index in
            let own = "own\(index)"
            for round in 0..<rounds {
                let version = try shared.publishSmall("shared", alias: "live")
                _ = try shared.publishSmall(own, alias: "live", serve: true)
                let alias = try shared.alias(model: "shared", alias: "live")
                _ = try shared.settle(
                    model: "shared",
                    alias: "live",
                    generation: alias.generation,
                    outcome: round % 3 == 2 ? .rejected(reason: "odd") : .served
                )
                _ = try shared.setAlias(
                    model: "shared",
                    alias: "a\(index)",
                    version: version,
                    principal: "cert:ann"
                )
                if round > 0 {
                    _ = try shared.rollback(model: own, alias: "live", principal: "cert:ann")
                    let back = try shared.alias(model: own, alias: "live")
                    _ = try shared.settle(
                        model: own,
                        alias: "live",
                        generation: back.generation,
                        outcome: .served
                    )
                }
                _ = try shared.open(model: "shared", version: version).read("model.onnx")
                _ = try shared.versions(model: "shared", before: nil, limit: 100)
            }
        }
        let versions = try shared.versions(model: "shared", before: nil, limit: 100)
        #expect(versions.map(\.version) == (1...UInt64(8 * rounds)).reversed())
        let moves = try shared.aliasHistory(model: "shared", alias: "live", before: nil, limit: 100)
        #expect(moves.map(\.generation) == (1...UInt64(8 * rounds)).reversed())
        #expect(moves.dropFirst().allSatisfy { $0.outcome != .pending })
        try AuditCheck.expectChained(shared)
        registry = nil
        _ = consume shared
        #expect(try home.open().modelExists("own7"))
    }

    @Test("of eight threads that compare-and-set the same generation one wins")
    func compareAndSet() throws {
        let home = try TestHome()
        let registry = try home.open()
        for _ in 1...8 { _ = try registry.publishSmall() }
        _ = try registry.setAlias(
            model: "sentiment",
            alias: "live",
            version: 1,
            principal: "cert:ann"
        )
        let won = Atomic(0)
        let lost = Atomic(0)
        onThreads(8) { index in
            do {
                _ = try registry.setAlias(
                    model: "sentiment",
                    alias: "live",
                    version: UInt64(index + 1),
                    expectedGeneration: 1,
                    principal: "cert:ann"
                )
                won.add(1, ordering: .relaxed)
            } catch let error as RegistryError where error.code == .aborted {
                lost.add(1, ordering: .relaxed)
            }
        }
        #expect(won.load(ordering: .relaxed) == 1 && lost.load(ordering: .relaxed) == 7)
    }

    @Test("eight threads begin with one key, send the same files and commit one version")
    func oneKey() throws {
        let home = try TestHome()
        let registry = try home.open()
        let content = patterned(3 * Limits.chunkBytes + 1)
        let bundle = TestBundle(content: content, key: "k")
        let versions = Mutex<Set<UInt64>>([])
        onThreads(8) { _ in
            let begun = try registry.beginPublish(bundle.request, principal: "cert:ann")
            var status: UploadStatus
            repeat {
                status = try registry.uploadStatus(uploadID: begun.uploadID, principal: "cert:ann")
                guard status.version == nil else { break }
                do {
                    try bundle.send(begun.uploadID, to: registry)
                } catch let error as RegistryError where error.code == .failedPrecondition {
                    // Another thread has committed, or is about to.
                    continue
                }
            } while status.nextOffsets != bundle.request.files.map(\.size)
            let committed = try registry.commit(
                uploadID: begun.uploadID,
                alias: "live",
                principal: "cert:ann"
            )
            _ = versions.withLock { $0.insert(committed.version.version) }
        }
        #expect(versions.withLock { $0 } == [1])
        #expect(
            try registry.open(model: "sentiment", version: 1).read("model.onnx").copyBytes()
                == content
        )
    }
}
