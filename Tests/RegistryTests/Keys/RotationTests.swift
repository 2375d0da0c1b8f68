import Foundation
import Sealing
import Synchronization
import Testing

@testable import Registry

@Suite("Rotation of keys")
struct RotationTests {
    private func rotate(_ home: TestHome, _ registry: Registry) throws -> KeyRotation {
        try registry.rotateKeys(signingKeyFolder: home.path + "/keys", principal: "cert:ops")
    }

    private func counts(_ home: TestHome) throws -> [String: UInt64] {
        try KeyCounts.read(home.layout).wrapped
    }

    @Test("every key comes under a new one, the old one is put aside, and all still opens")
    func whole() throws {
        let home = try TestHome()
        let registry = try home.open()
        let published = try (0..<3).map { _ in try registry.publishSmall() }
        let old = try #require(counts(home).keys.first)
        let rotation = try rotate(home, registry)
        #expect(rotation.currentKey != old)
        // Three versions, the registry's own key, and the signing key.
        #expect(rotation.rewrapped == 5 && rotation.failures.isEmpty)
        #expect(rotation.retiredKeys == [old])
        #expect(try counts(home) == [rotation.currentKey: 4])
        for version in published { try registry.checkSmall(version) }
        let event = try #require(
            try registry.auditEvents(model: nil, after: 0, limit: 1_000) { _ in true }.last
        )
        #expect(event.action == "key.rotate" && event.principal == "cert:ops")
        #expect(event.detail == "5 keys wrapped anew, 0 failed, 1 retired")
        let later = try registry.publishSmall()
        let copy = try home.copy()
        let again = try copy.open()
        for version in published + [later] { try again.checkSmall(version) }
        #expect(try counts(home) == [rotation.currentKey: 5])
    }

    @Test("a rotation adds one key each time, and retires the one before")
    func repeated() throws {
        let home = try TestHome()
        let registry = try home.open()
        _ = try registry.publishSmall()
        let first = try rotate(home, registry)
        let second = try rotate(home, registry)
        #expect(second.retiredKeys == [first.currentKey])
        #expect(try counts(home) == [second.currentKey: 2])
    }

    @Test("cut short at any step, it goes on with the key that it had added")
    func resumed() throws {
        let home = try TestHome()
        let published: [UInt64] = try {
            let registry = try home.open()
            return try (0..<3).map { _ in try registry.publishSmall() }
        }()
        let names = Mutex<[String]>([])
        for cut in 1... {
            let copy = try home.copy()
            let reached = Mutex(0)
            let steps = Steps { step in
                let count = reached.withLock { count in
                    count += 1
                    return count
                }
                if count == cut {
                    names.withLock { $0.append(step) }
                    throw TestFailure(message: "cut at \(step)")
                }
            }
            let wasCut: Bool = {
                guard let registry = try? copy.open(steps: steps) else { return true }
                reached.withLock { $0 = 0 }
                return (try? rotate(copy, registry)) == nil
            }()
            let copied = try copy.copy()
            let registry = try copied.open()
            for version in published { try registry.checkSmall(version) }
            guard wasCut else { break }
            let after = try copy.copy()
            let finishing = try after.open()
            let rotation = try rotate(after, finishing)
            #expect(rotation.failures.isEmpty)
            #expect(try counts(after) == [rotation.currentKey: 4])
            let files = try FileManager.default.contentsOfDirectory(atPath: after.path + "/keys")
            #expect(files.filter { $0.hasSuffix(".key") && $0.hasPrefix("kek-") }.count == 1)
            for version in published { try finishing.checkSmall(version) }
        }
        #expect(Set(["key.add", "key.row", "key.retire"]).isSubset(of: names.withLock { $0 }))
    }

    @Test("a row that does not unwrap is named and passed over, and no key is put aside")
    func badRow() throws {
        let home = try TestHome()
        let registry = try home.open()
        let published = try (0..<3).map { _ in try registry.publishSmall() }
        let old = try #require(counts(home).keys.first)
        try home.sql(
            """
            UPDATE wrapped_keys SET tag = \(firstDigitFlipped("tag")) WHERE bundle_id =
                (SELECT bundle_id FROM versions WHERE version = 2)
            """
        )
        let rotation = try rotate(home, registry)
        #expect(
            rotation.failures == ["the data key of model 'sentiment', version 2 does not unwrap"]
        )
        #expect(rotation.retiredKeys.isEmpty)
        #expect(try counts(home) == [rotation.currentKey: 3, old: 1])
        for version in published where version != 2 { try registry.checkSmall(version) }
        // The next one does not add a key: the old one is still counted on.
        let next = try rotate(home, registry)
        #expect(next.currentKey == rotation.currentKey && next.rewrapped == 0)
    }

    @Test("a version that is opened while its key comes under another one opens")
    func betweenRowAndKey() throws {
        let home = try TestHome()
        let before = Mutex<(@Sendable () throws -> Void)?>(nil)
        let keys = try FolderKeyProvider(folder: home.path + "/keys")
        let registry = try Registry(
            layout: home.layout,
            keys: InterruptedKeys(keys) { try before.withLock { $0.take() }?() },
            clock: home.clock.wallClock
        ) { try SigningKeyFile.open(folder: home.path + "/keys", provider: keys, registryID: $0) }
        let version = try registry.publishSmall()
        before.withLock { $0 = { _ = try rotate(home, registry) } }
        try registry.checkSmall(version)
        #expect(before.withLock { $0 } == nil)
    }

    @Test(
        "a source of keys that fails is unavailable while nothing is changed, and no longer after"
    )
    func sourceFails() throws {
        let home = try TestHome()
        let keys = try FolderKeyProvider(folder: home.path + "/keys")
        let unwraps = Mutex(Int.max)
        let registry = try Registry(
            layout: home.layout,
            keys: InterruptedKeys(keys) {
                let isLeft = unwraps.withLock { left in
                    left -= 1
                    return left >= 0
                }
                guard isLeft else { throw SealingError(.keyAccess, "no device") }
            },
            clock: home.clock.wallClock
        ) { try SigningKeyFile.open(folder: home.path + "/keys", provider: keys, registryID: $0) }
        _ = try registry.publishSmall()
        let events = try registry.auditEvents(model: nil, after: 0, limit: 100) { _ in true }.count
        // The new key is there, and one of the two keys is under it.
        unwraps.withLock { $0 = 1 }
        #expect(refusal { try rotate(home, registry) } == .internalFailure)
        let (old, new) = (try counts(home), keys.currentKeyID)
        #expect(old.count == 2 && old[new] == 1)
        #expect(
            try registry.auditEvents(model: nil, after: 0, limit: 100) { _ in true }.count == events
        )
        unwraps.withLock { $0 = 0 }
        #expect(refusal { try rotate(home, registry) } == .unavailable)
        unwraps.withLock { $0 = .max }
        #expect(try rotate(home, registry).rewrapped >= 1)
        #expect(try counts(home).keys.sorted() == [new])
    }

    @Test("publishes that run meanwhile end under the new key or under one that is kept")
    func concurrent() throws {
        let home = try TestHome()
        let registry = try home.open()
        _ = try registry.publishSmall()
        let failures = Mutex<[String]>([])
        DispatchQueue.concurrentPerform(iterations: 6) { index in
            do {
                for _ in 0..<4 {
                    if index == 0 {
                        _ = try rotate(home, registry)
                    } else {
                        try registry.checkSmall(try registry.publishSmall("m\(index)"), "m\(index)")
                    }
                }
            } catch {
                failures.withLock { $0.append("\(error)") }
            }
        }
        #expect(failures.withLock { $0 } == [])
        let last = try rotate(home, registry)
        #expect(try counts(home).keys.sorted() == [last.currentKey])
    }
}

extension Registry {
    /// Every file of a version opens.
    fileprivate func checkSmall(_ version: UInt64, _ model: String = "sentiment") throws {
        let opened = try open(model: model, version: version)
        for file in opened.files {
            #expect(try Digest.sha256(opened.read(file.path).copyBytes()) == file.sha256)
        }
    }
}

/// Does something just before it unwraps.
private struct InterruptedKeys: KeyProvider {
    let inner: any KeyProvider
    let before: @Sendable () throws -> Void

    init(_ inner: any KeyProvider, before: @escaping @Sendable () throws -> Void) {
        self.inner = inner
        self.before = before
    }

    var currentKeyID: String { inner.currentKeyID }
    var keyIDs: [String] { inner.keyIDs }
    var kind: String { inner.kind }

    func addKey() throws(SealingError) -> Bool { try inner.addKey() }
    func retireKey(_ id: String) throws(SealingError) { try inner.retireKey(id) }

    func wrap(_ key: SecretKey, context: WrapContext) throws(SealingError) -> WrappedKey {
        try inner.wrap(key, context: context)
    }

    func unwrap(
        _ wrapped: WrappedKey,
        context: WrapContext
    ) throws(SealingError) -> SecretKey {
        do {
            try before()
        } catch let error as SealingError {
            throw error
        } catch {
            throw SealingError(.internalFailure, "\(error)")
        }
        return try inner.unwrap(wrapped, context: context)
    }
}
