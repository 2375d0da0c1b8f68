import Registry
import Sealing
import Synchronization
import Testing
import Text

@Suite("Crashes")
struct CrashTests {
    private static let old = TestBundle(content: patterned(300, seed: 1))
    private static let new: TestBundle = {
        var bundle = TestBundle(content: patterned(Limits.chunkBytes + 100, seed: 2), key: "new")
        bundle.files.append(("golden/0.json", patterned(50, seed: 3)))
        return bundle
    }()

    /// What a crash leaves is what lies on the disk at that instant: a copy of the home is taken
    /// at every step of a publish, and each copy is opened as after a crash.
    @Test("a crash at any step of a publish leaves the registry as before or as after")
    func copies() throws {
        let home = try TestHome()
        let copies = Mutex<[(step: String, home: TestHome)]>([])
        let isOn = Atomic(false)
        let steps = Steps { step in
            guard isOn.load(ordering: .acquiring) else { return }
            let copy = try home.copy()
            copies.withLock { $0.append((step, copy)) }
        }
        let registry = try home.open(steps: steps)
        _ = try registry.publish(Self.old, alias: "live")
        _ = try registry.settle(model: "sentiment", alias: "live", generation: 1, outcome: .served)
        isOn.store(true, ordering: .releasing)
        _ = try registry.publish(Self.new, alias: "live")
        isOn.store(false, ordering: .releasing)

        let taken = copies.withLock { $0 }
        let seen = Set(taken.map(\.step))
        #expect(
            seen == [
                "begin.row", "chunk.write", "blob.fsync", "blob.link", "folder.fsync", "file.row",
                "transaction.begin", "head", "sequence.write", "transaction.commit",
                "sequence.rename", "answer",
            ]
        )
        for (step, copy) in taken {
            try expectBeforeOrAfter(
                copy,
                step: step,
                isAfter: ["sequence.rename", "answer"].contains(step)
            )
        }
    }

    private func expectBeforeOrAfter(_ home: TestHome, step: String, isAfter: Bool) throws {
        let registry = try home.open()
        let versions = try registry.versions(model: "sentiment", before: nil, limit: 10)
        let alias = try registry.alias(model: "sentiment", alias: "live")
        #expect(versions.map(\.version) == (isAfter ? [2, 1] : [1]), "\(step)")
        #expect(alias.targetVersion == (isAfter ? 2 : 1), "\(step)")
        #expect(alias.generation == (isAfter ? 2 : 1) && alias.version == 1, "\(step)")
        let opened = try registry.open(model: "sentiment", version: 1)
        #expect(try opened.read("model.onnx").copyBytes() == Self.old.files[1].content)
        // The publisher comes again with the same key, and gets the version exactly once.
        let begun = try registry.beginPublish(Self.new.request, principal: "cert:ann")
        #expect(begun.version == (isAfter ? 2 : nil), "\(step)")
        if !isAfter { try Self.new.send(begun.uploadID, to: registry) }
        let committed = try registry.commit(
            uploadID: begun.uploadID,
            alias: "live",
            principal: "cert:ann"
        )
        #expect(committed.version.version == 2, "\(step)")
        let again = try registry.open(model: "sentiment", version: 2)
        for file in Self.new.files {
            #expect(try again.read(file.path).copyBytes() == file.content, "\(step)")
        }
        try AuditCheck.expectChained(registry)
    }

    /// A step that fails and leaves the process alive: an error is answered, and trying again
    /// works, in this process or, when it stopped writing, in the next.
    @Test(
        "a failure at any step is answered, and the publish can be tried again",
        arguments: 1...40
    )
    func failures(failing number: Int) throws {
        let home = try TestHome()
        let count = Atomic(0)
        let isOn = Atomic(false)
        let steps = Steps { step in
            guard isOn.load(ordering: .acquiring) else { return }
            if count.add(1, ordering: .relaxed).newValue == number {
                throw RegistryError(.internalFailure, "injected at \(step)")
            }
        }
        var registry: Registry? = try home.open(steps: steps)
        _ = try registry?.publish(Self.old, alias: "live")
        isOn.store(true, ordering: .releasing)
        let outcome = refusal { try registry?.publish(Self.new, alias: "live") }
        #expect(outcome == (count.load(ordering: .relaxed) >= number ? .internalFailure : nil))
        isOn.store(false, ordering: .releasing)
        if registry?.storageFailure != nil {
            registry = nil
            registry = try home.open()
        }
        let working = try #require(registry)
        let begun = try working.beginPublish(Self.new.request, principal: "cert:ann")
        if begun.version == nil { try Self.new.send(begun.uploadID, to: working) }
        let committed = try working.commit(
            uploadID: begun.uploadID,
            alias: "live",
            principal: "cert:ann"
        )
        #expect(committed.version.version == 2)
        let opened = try working.open(model: "sentiment", version: 2)
        for file in Self.new.files {
            #expect(try opened.read(file.path).copyBytes() == file.content)
        }
    }
}
