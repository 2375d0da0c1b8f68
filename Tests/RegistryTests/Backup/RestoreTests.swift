import Foundation
import Registry
import Sealing
import Synchronization
import Testing

@Suite("Restore")
struct RestoreTests {
    private func populated() throws -> TestHome {
        let home = try TestHome()
        do {
            let registry = try home.open()
            _ = try registry.publishSmall(alias: "live", serve: true)
            _ = try registry.publishSmall("other")
        }
        try home.backUp()
        return home
    }

    @Test("the old store is kept, under a name that is free")
    func oldStore() throws {
        let home = try populated()
        let seen = try #require(home.seen)
        let before = try home.digests(below: "store").values.sorted {
            $0.lexicographicallyPrecedes($1)
        }
        let kept = "\(home.layout.store).before-restore-\(seen)"
        #expect(try home.restore().oldStore == kept)
        #expect(try home.restore().oldStore == kept + "-2")
        #expect(try home.restore().oldStore == kept + "-3")
        let name = "store.before-restore-\(seen)"
        let after = try home.digests(below: name).values.sorted { $0.lexicographicallyPrecedes($1) }
        #expect(Set(before).isSubset(of: after))
        #expect(try home.open().modelExists("other"))
    }

    @Test("a store that a server has open, or that a backup reads, is not replaced")
    func inUse() throws {
        let home = try populated()
        do {
            let registry = try home.open()
            #expect(refusal { try home.restore() } == .unavailable)
            #expect(message { try home.restore() }.contains("another process"))
            #expect(try registry.publishSmall() == 2)
        }
        let lease = open(home.layout.store + "/lease", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        #expect(flock(lease, LOCK_SH) == 0)
        #expect(message { try home.restore() }.contains("reads this registry"))
        flock(lease, LOCK_UN)
        close(lease)
        // It was left as it was: the newer state is served on.
        #expect(try home.open().versions(model: "sentiment", before: nil, limit: 9).count == 2)
    }

    @Test("a damaged blob, database, manifest or head is found, and the store is left as it was")
    func damage() throws {
        let home = try populated()
        let original = try home.copy()
        let store = try home.digests(below: "store")
        let blobs = try home.files(below: "backup/store/blobs")
        let damages: [(String, (String) throws -> Void)] = [
            ("store/blobs", { _ in try flipBit(of: blobs[0], at: 170) }),
            ("store/blobs", { _ in try FileManager.default.removeItem(atPath: blobs[1]) }),
            ("store/blobs", { _ in try Data().write(to: URL(filePath: blobs[2])) }),
            ("store", { try flipBit(of: $0 + "/store/registry.sqlite", at: 5_000) }),
            ("store", { try flipBit(of: $0 + "/store/registry.sqlite", at: -1) }),
            ("", { try FileManager.default.removeItem(atPath: $0 + "/backup.json") }),
            (
                "",
                { try "{}\n".write(toFile: $0 + "/backup.json", atomically: true, encoding: .utf8) }
            ),
        ]
        for (index, damage) in damages.enumerated() {
            try damage.1(home.backupPath)
            #expect(refusal { try home.restore() } == .dataLoss, "\(index)")
            #expect(try home.digests(below: "store") == store, "\(index)")
            #expect(!FileManager.default.fileExists(atPath: home.layout.store + ".new"))
            try FileManager.default.removeItem(atPath: home.backupPath)
            try FileManager.default.copyItem(
                atPath: original.backupPath,
                toPath: home.backupPath
            )
        }
        #expect(message { try home.restore(from: home.path + "/nothing") }.contains("no backup"))
        try home.restore()
    }

    @Test(
        "rows that were changed in a backup whose manifest was made to match are refused",
        arguments: [
            "UPDATE catalogue SET signature = \(firstDigitFlipped("signature"))",
            "UPDATE versions SET record = replace(record, 'model', 'modem') WHERE model = 'other'",
            "UPDATE audit SET detail = 'nothing' WHERE sequence = 2",
            "DELETE FROM audit WHERE sequence = 2",
            "UPDATE aliases SET version = 0",
        ]
    )
    func forged(_ sql: String) throws {
        let home = try populated()
        let copy = TestHome(copied: home.backupPath, registryID: home.registryID)
        let path = copy.layout.databasePathForTests
        let old = Hex.encode(Digest.sha256([UInt8](try Data(contentsOf: URL(filePath: path)))))
        try copy.sql(sql)
        let new = Hex.encode(Digest.sha256([UInt8](try Data(contentsOf: URL(filePath: path)))))
        let manifest = try String(contentsOfFile: copy.path + "/backup.json", encoding: .utf8)
        #expect(manifest.contains(old))
        try manifest.replacingOccurrences(of: old, with: new)
            .write(toFile: copy.path + "/backup.json", atomically: true, encoding: .utf8)
        let store = try home.digests(below: "store")
        #expect([.unavailable, .dataLoss].contains(refusal { try home.restore() }))
        #expect(try home.digests(below: "store") == store)
    }

    @Test("keys of another registry are refused, and so is the wrong key-encryption key")
    func wrongKeys() throws {
        let home = try populated()
        let other = try populated()
        #expect(refusal { try home.restore(keysFolder: other.path + "/keys") } == .unavailable)
        #expect(refusal { try other.restore(from: home.backupPath) } == .unavailable)
        #expect(try other.open().modelExists("other"))
        let store = try home.digests(below: "store")
        for name in try FileManager.default.contentsOfDirectory(atPath: home.path + "/keys")
        where name.hasPrefix("kek-") {
            try FileManager.default.removeItem(atPath: home.path + "/keys/" + name)
        }
        _ = try FolderKeyProvider.create(in: home.path + "/keys")
        #expect(refusal { try home.restore() } == .unavailable)
        #expect(try home.digests(below: "store") == store)
    }

    @Test("a backup older than what was seen needs acceptance, and goes on above both")
    func older() throws {
        let home = try populated()
        let found = try #require(home.seen)
        do { _ = try home.open().publishSmall() }
        let seen = try #require(home.seen)
        #expect(refusal { try home.restore() } == .unavailable)
        #expect(message { try home.restore() }.contains("older copy"))
        #expect(try home.open().versions(model: "sentiment", before: nil, limit: 9).count == 2)

        let report = try home.restore(accepting: .ofTests())
        #expect(report.accepted?.seen == seen && report.accepted?.found == found)
        #expect(report.sequence == seen + 1 && home.seen == seen + 1)
        let registry = try home.open()
        #expect(try registry.versions(model: "sentiment", before: nil, limit: 9).count == 1)
        let events = try registry.auditEvents(model: nil, after: 0, limit: 100) { _ in true }
        let last = try #require(events.last)
        #expect(last.action == "restore.accept" && last.principal == "uid:7")
        #expect(last.detail == "seen \(seen), found \(found): the disk was lost")
        try AuditCheck.expectChained(registry)
    }

    @Test("an acceptance that is not needed is not used")
    func unneeded() throws {
        let home = try populated()
        #expect(try home.restore(accepting: .ofTests()).accepted == nil)
        let events = try home.open().auditEvents(model: nil, after: 0, limit: 100) { _ in true }
        #expect(!events.contains { $0.action == "restore.accept" })
    }

    @Test("a crash at any step of an accepted restore leaves the old store or the new one")
    func crashes() throws {
        let home = try populated()
        do { _ = try home.open().publishSmall() }
        let taken = Mutex<[(step: String, home: TestHome)]>([])
        let steps = Steps { step in
            let copy = try home.copy()
            taken.withLock { $0.append((step, copy)) }
        }
        try home.restore(accepting: .ofTests(), steps: steps)
        let copies = taken.withLock { $0 }
        #expect(
            copies.map(\.step) == [
                "transaction.begin", "head", "transaction.commit", "sequence.write",
                "sequence.rename", "answer",
            ]
        )
        for (step, copy) in copies {
            let isAfter = ["sequence.write", "sequence.rename", "answer"].contains(step)
            do {
                let registry = try copy.open()
                let versions = try registry.versions(model: "sentiment", before: nil, limit: 9)
                #expect(versions.count == (isAfter ? 1 : 2), "\(step)")
                try AuditCheck.expectChained(registry)
            }
            // Given again, it is done, over whatever the crash left.
            try copy.restore(accepting: .ofTests())
            let registry = try copy.open()
            #expect(
                try registry.versions(model: "sentiment", before: nil, limit: 9).count == 1,
                "\(step)"
            )
        }
    }
}
