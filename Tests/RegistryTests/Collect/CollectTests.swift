import Foundation
import Registry
import Sealing
import Synchronization
import Testing
import Text

@Suite("Collection")
struct CollectTests {
    private func blobCount(_ home: TestHome) throws -> Int {
        try home.files(below: "store/blobs").count
    }

    private func actions(_ registry: Registry) throws -> [String] {
        try registry.auditEvents(model: nil, after: 0, limit: 1_000) { _ in true }.map(\.action)
    }

    @Test("a registry in which everything is referred to has nothing to free")
    func nothing() throws {
        let home = try TestHome()
        let registry = try home.open()
        _ = try registry.publishSmall(alias: "live")
        let begun = try registry.beginPublish(
            TestBundle(content: patterned(50)).request,
            principal: "cert:ann"
        )
        try registry.chunk(begun.uploadID, 0, 0, Array(TestBundle.cardText.utf8))
        let before = try actions(registry)
        #expect(try registry.collect(apply: true) == Collected())
        #expect(try actions(registry) == before)
        try registry.chunk(begun.uploadID, 1, 0, patterned(50))
        let committed = try registry.commit(
            uploadID: begun.uploadID,
            alias: nil,
            principal: "cert:ann"
        )
        #expect(committed.version.version == 2)
    }

    @Test("the blobs of a deleted version are named by a dry run, and freed once")
    func deleted() throws {
        let home = try TestHome()
        let registry = try home.open()
        _ = try registry.publish(TestBundle(content: patterned(Limits.chunkBytes + 5)))
        _ = try registry.publishSmall()
        try registry.deleteVersion(model: "sentiment", version: 1, principal: "cert:ann")
        #expect(try blobCount(home) == 4)

        let dry = try registry.collect(apply: false)
        #expect(dry.blobs == 2 && dry.failed == 0 && dry.uploads == 0)
        #expect(dry.blobBytes > UInt64(Limits.chunkBytes))
        #expect(try blobCount(home) == 4)
        #expect(try registry.collect(apply: true, principal: "cert:eve") == dry)
        #expect(try blobCount(home) == 2)
        #expect(try registry.collect(apply: true).isEmpty)
        #expect(try actions(registry).filter { $0 == AuditAction.collect }.count == 1)
        let event = try #require(
            try registry.auditEvents(model: nil, after: 0, limit: 1_000) { _ in true }.last
        )
        #expect(event.principal == "cert:eve" && event.model == "")
        _ = try registry.open(model: "sentiment", version: 2).read("model.onnx")
    }

    @Test("a version that is in use when it is deleted keeps its blobs until it is released")
    func leased() throws {
        let home = try TestHome()
        let registry = try home.open()
        let content = patterned(300)
        _ = try registry.publish(TestBundle(content: content))
        var opened: OpenedVersion? = try registry.open(model: "sentiment", version: 1)
        let second = try registry.open(model: "sentiment", version: 1)
        try registry.deleteVersion(model: "sentiment", version: 1, principal: "cert:ann")
        #expect(try registry.collect(apply: true).isEmpty)
        #expect(try opened?.read("model.onnx").copyBytes() == content)
        opened = nil
        #expect(try registry.collect(apply: true).isEmpty)
        #expect(try second.read("model.onnx").copyBytes() == content)
        _ = consume second
        #expect(try registry.collect(apply: true).blobs == 2)
        #expect(try blobCount(home) == 0)
    }

    @Test("what a crash leaves is freed: a blob without a row, a folder without an upload")
    func strays() throws {
        let home = try TestHome()
        let registry = try home.open()
        _ = try registry.publishSmall()
        let name = String(repeating: "ab", count: 32)
        let blob = home.path + "/store/blobs/ab/" + name
        let upload = home.path + "/store/uploads/" + String(repeating: "7", count: 32)
        for folder in [home.path + "/store/blobs/ab", upload] {
            try FileManager.default.createDirectory(
                atPath: folder,
                withIntermediateDirectories: true
            )
        }
        try Data(repeating: 1, count: 10).write(to: URL(fileURLWithPath: blob))
        try Data(repeating: 2, count: 20).write(to: URL(fileURLWithPath: upload + "/0"))
        try Data(repeating: 3, count: 30).write(to: URL(fileURLWithPath: upload + "/1"))
        let collected = try registry.collect(apply: true)
        #expect(collected.blobs == 1 && collected.blobBytes == 10)
        #expect(collected.uploads == 1 && collected.uploadBytes == 50)
        #expect(try blobCount(home) == 2)
        #expect(!FileManager.default.fileExists(atPath: upload))
    }

    @Test("what cannot be removed is counted, and is no reason to leave the rest")
    func failed() throws {
        let home = try TestHome()
        let registry = try home.open()
        let uploads = home.path + "/store/uploads/"
        for folder in ["one/inner", "two"] {
            try FileManager.default.createDirectory(
                atPath: uploads + folder,
                withIntermediateDirectories: true
            )
        }
        let collected = try registry.collect(apply: true)
        #expect(collected.uploads == 2 && collected.failed == 1)
        #expect(try FileManager.default.contentsOfDirectory(atPath: uploads) == ["one"])
    }

    @Test("a record that cannot be trusted stops the collection, since it names the blobs")
    func damagedRecord() throws {
        let home = try TestHome()
        var registry = try home.open()
        for _ in 1...2 { _ = try registry.publishSmall() }
        try registry.deleteVersion(model: "sentiment", version: 2, principal: "cert:ann")
        _ = consume registry
        try home.sql(
            "UPDATE versions SET record = replace(record, 'cert:ann', 'cert:eve') WHERE version = 1"
        )
        registry = try home.open()
        #expect(refusal { try registry.collect(apply: true) } == .dataLoss)
        #expect(try blobCount(home) == 4)
    }

    @Test(
        "rows that were changed by others free nothing",
        arguments: [
            "UPDATE versions SET state = 'deleted'", "DELETE FROM versions WHERE version = 1",
            "UPDATE models SET newest = 0",
        ]
    )
    func changedByOthers(sql: String) throws {
        let home = try TestHome()
        let registry = try home.open()
        _ = try registry.publishSmall()
        try home.sql(sql + "; DELETE FROM wrapped_keys WHERE model <> ''", checksReferences: false)
        #expect(refusal { try registry.collect(apply: true) } == .dataLoss)
        #expect(registry.fault != nil)
        #expect(try blobCount(home) == 2)
    }

    @Test("nothing is freed while another process reads the blobs")
    func readers() throws {
        let home = try TestHome()
        let registry = try home.open()
        _ = try registry.publishSmall()
        try registry.deleteVersion(model: "sentiment", version: 1, principal: "cert:ann")
        let lease = try FileLock(home.path + "/store/lease", LOCK_SH)
        #expect(refusal { try registry.collect(apply: true) } == .resourceExhausted)
        #expect(try registry.collect(apply: false).blobs == 2)
        #expect(try blobCount(home) == 2)
        lease.release()
        #expect(try registry.collect(apply: true).blobs == 2)
    }

    @Test("publishes, deletions and reads go on under a collection that runs all the time")
    func races() throws {
        let home = try TestHome()
        let registry = try home.open()
        let publishers = 3
        let rounds = 25
        let running = Atomic(publishers)
        let freed = Atomic<UInt64>(0)
        let failures = Mutex<[String]>([])
        let group = DispatchGroup()
        func start(_ body: @escaping @Sendable () throws -> Void) {
            group.enter()
            Thread.detachNewThread {
                do {
                    try body()
                } catch {
                    failures.withLock { $0.append("\(error)") }
                }
                group.leave()
            }
        }
        for publisher in 0..<publishers {
            start {
                defer { running.subtract(1, ordering: .releasing) }
                let model = "m\(publisher)"
                for round in 1...rounds {
                    let content = patterned(200, seed: UInt64(publisher * 1_000 + round))
                    let version = try registry.publish(TestBundle(model: model, content: content))
                        .version.version
                    let opened = try registry.open(model: model, version: version)
                    if round.isMultiple(of: 2) {
                        try registry.deleteVersion(
                            model: model,
                            version: version,
                            principal: "cert:ann"
                        )
                    }
                    guard try opened.read("model.onnx").copyBytes() == content else {
                        throw TestFailure(message: "another content")
                    }
                }
            }
        }
        start {
            repeat {
                freed.add(try registry.collect(apply: true).blobs, ordering: .relaxed)
            } while running.load(ordering: .acquiring) > 0
        }
        group.wait()
        #expect(failures.withLock { $0 } == [])
        freed.add(try registry.collect(apply: true).blobs, ordering: .relaxed)
        let deleted = publishers * (rounds / 2)
        #expect(freed.load(ordering: .relaxed) == UInt64(2 * deleted))
        #expect(try blobCount(home) == 2 * (publishers * rounds - deleted))
        for publisher in 0..<publishers {
            for round in stride(from: 1, through: rounds, by: 2) {
                let opened = try registry.open(model: "m\(publisher)", version: UInt64(round))
                _ = try opened.read("model.onnx")
            }
        }
    }
}

/// A lock on a file as another process would hold it.
final class FileLock {
    private var descriptor: Int32

    init(_ path: String, _ operation: Int32) throws {
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0, flock(descriptor, operation | LOCK_NB) == 0 else {
            throw TestFailure(message: "\(path): errno \(errno)")
        }
    }

    deinit { release() }

    func release() {
        if descriptor >= 0 { close(descriptor) }
        descriptor = -1
    }
}
