import Foundation
import Registry
import Sealing
import Testing
import Text

@Suite("Backup")
struct BackupTests {
    private static let content = patterned(Limits.chunkBytes + 100, seed: 5)

    /// A home with two models; the first version of one is large and live.
    private func populated() throws -> TestHome {
        let home = try TestHome()
        let registry = try home.open()
        _ = try registry.publish(TestBundle(content: Self.content), alias: "live")
        _ = try registry.settle(model: "sentiment", alias: "live", generation: 1, outcome: .served)
        _ = try registry.publishSmall("other")
        return home
    }

    @Test("a backup that is restored answers with the same versions, bytes, aliases and log")
    func whole() throws {
        let home = try populated()
        let report = try home.backUp()
        #expect(report.versions == 2 && report.blobs == 4 && report.copiedBlobs == 4)
        #expect(report.bytes == report.copiedBytes && report.sequence == home.seen)
        let serverID = try home.open().serverID
        try FileManager.default.removeItem(atPath: home.layout.store)

        let restored = try home.restore()
        #expect(restored.sequence == report.sequence && restored.versions == 2)
        #expect(restored.bytes == report.bytes && restored.oldStore == nil)
        #expect(restored.accepted == nil)
        let registry = try home.open()
        #expect(registry.serverID != serverID)
        let opened = try registry.open(model: "sentiment", version: 1)
        #expect(try opened.read("model.onnx").copyBytes() == Self.content)
        #expect(try registry.open(model: "other", version: 1).info.version == 1)
        #expect(try registry.alias(model: "sentiment", alias: "live").version == 1)
        try AuditCheck.expectChained(registry)
        #expect(try registry.publishSmall("other") == 2)
    }

    @Test("a second backup copies only what is new")
    func incremental() throws {
        let home = try populated()
        let first = try home.backUp()
        #expect(try home.backUp().copiedBlobs == 0)
        do {
            _ = try home.open().publishSmall("other")
        }
        let second = try home.backUp()
        #expect(second.copiedBlobs == 2 && second.blobs == 6 && second.versions == 3)
        #expect(second.copiedBytes == second.bytes - first.bytes && second.copiedBytes < 2_000)
    }

    @Test("open uploads and their keys stay behind; the snapshot is one compact file")
    func openUploads() throws {
        let home = try populated()
        let registry = try home.open()
        let bundle = TestBundle(model: "unfinished", content: patterned(500, seed: 9), key: "k")
        let begun = try registry.beginPublish(bundle.request, principal: "cert:ann")
        try bundle.send(begun.uploadID, to: registry)
        try home.backUp()
        let folder = home.backupPath
        #expect(try home.count("SELECT COUNT(*) FROM uploads", in: folder) == 2)
        #expect(try home.count("SELECT COUNT(*) FROM upload_files", in: folder) == 0)
        #expect(try home.count("SELECT COUNT(*) FROM wrapped_keys", in: folder) == 3)
        #expect(try home.count("PRAGMA freelist_count", in: folder) == 0)
        let names = try FileManager.default.contentsOfDirectory(atPath: folder + "/store")
        #expect(names.sorted() == ["blobs", "lock", "registry.sqlite"])
        for file in try home.files(below: "backup") {
            let attributes = try FileManager.default.attributesOfItem(atPath: file)
            #expect(attributes[.posixPermissions] as? Int == 0o600, "\(file)")
        }
        // The upload goes on where it is.
        #expect(
            try registry.commit(uploadID: begun.uploadID, alias: nil, principal: "cert:ann")
                .version.version == 1
        )
    }

    @Test("a backup holds no key, and of the keys' folder the public key alone")
    func noKeys() throws {
        let home = try populated()
        try home.backUp()
        #expect(
            try home.files(below: "backup/keys") == [home.backupPath + "/keys/signing.pub.pem"]
        )
        let wrapped = try String(contentsOfFile: home.path + "/keys/signing.key", encoding: .utf8)
        let seed = try #require(
            wrapped.split(separator: "\n").first { $0.hasPrefix("key ") }?.dropFirst(4)
        )
        var secrets = [Data(seed.utf8), Data(try #require(Hex.decode(String(seed))))]
        for file in try home.files(below: "keys") where file.contains("/kek-") {
            let data = try Data(contentsOf: URL(filePath: file))
            if data.count == 32 { secrets += [data, Data(Hex.encode([UInt8](data)).utf8)] }
        }
        #expect(secrets.count == 4)
        for file in try home.files(below: "backup") {
            let data = try Data(contentsOf: URL(filePath: file))
            for secret in secrets { #expect(data.range(of: secret) == nil, "\(file)") }
        }
    }

    @Test("a folder of something else, or of another registry, is refused and left as it was")
    func foreign() throws {
        let home = try populated()
        let other = try populated()
        try other.backUp()
        let before = try other.digests(below: "backup")
        #expect(refusal { try home.backUp(to: other.backupPath) } == .failedPrecondition)
        #expect(try other.digests(below: "backup") == before)
        #expect(refusal { try home.backUp(to: home.path) } == .failedPrecondition)
        #expect(!FileManager.default.fileExists(atPath: home.path + "/registry-id"))
        let id = other.backupPath + "/registry-id"
        for text in ["", "\n", "00\n", String(repeating: "0", count: 32)] {
            try text.write(toFile: id, atomically: true, encoding: .utf8)
            #expect(refusal { try other.backUp() } == .failedPrecondition, "\(text)")
        }
    }

    @Test("a newer backup is not replaced by an older registry, until that one was accepted")
    func newer() throws {
        let home = try populated()
        let old = try home.copy()
        do { _ = try home.open().publishSmall() }
        try home.backUp()
        let before = try home.digests(below: "backup/store/blobs")
        let manifest = try Data(contentsOf: URL(filePath: home.backupPath + "/backup.json"))
        try home.putBack(storeOf: old)
        #expect(refusal { try home.backUp() } == .failedPrecondition)
        #expect(message { try home.backUp() }.contains("newer than the registry"))
        #expect(try home.digests(below: "backup/store/blobs") == before)
        #expect(
            try Data(contentsOf: URL(filePath: home.backupPath + "/backup.json")) == manifest
        )
        _ = try home.accept()
        #expect(try home.backUp().versions == 2)
    }

    @Test("what no version needs any more goes with --prune alone, and nothing else")
    func prune() throws {
        let home = try populated()
        try home.backUp()
        do { try home.open().deleteVersion(model: "other", version: 1, principal: "cert:ann") }
        let kept = try home.backUp()
        #expect(kept.versions == 1 && kept.blobs == 2 && kept.prunedBlobs == 0)
        #expect(try home.files(below: "backup/store/blobs").count == 4)
        let stray = home.backupPath + "/store/blobs/00/notes.txt"
        try FileManager.default.createDirectory(
            atPath: home.backupPath + "/store/blobs/00",
            withIntermediateDirectories: true
        )
        try "not ours".write(toFile: stray, atomically: true, encoding: .utf8)
        #expect(try home.backUp(.prune).prunedBlobs == 2)
        #expect(try home.backUp(.prune).prunedBlobs == 0)
        #expect(try home.files(below: "backup/store/blobs").count == 3)
        #expect(try home.restore().versions == 1)
    }

    @Test("--verify reads what is there already, and mends it from the registry")
    func verify() throws {
        let home = try populated()
        try home.backUp()
        for file in try home.files(below: "backup/store/blobs") { try flipBit(of: file, at: -1) }
        #expect(try home.backUp().copiedBlobs == 0)
        #expect(refusal { try home.restore() } == .dataLoss)
        #expect(try home.backUp(.verify).copiedBlobs == 4)
        #expect(try home.backUp(.verify).copiedBlobs == 0)
        try home.restore()
    }

    @Test("a damaged file of the registry is named, and the backup from before stays whole")
    func damagedBlob() throws {
        let home = try populated()
        try home.backUp()
        let before = try Data(contentsOf: URL(filePath: home.backupPath + "/backup.json"))
        let old = Set(try home.files(below: "store/blobs"))
        do { _ = try home.open().publishSmall("third") }
        let new = try home.files(below: "store/blobs").filter { !old.contains($0) }
        try flipBit(of: try #require(new.first), at: 200)
        #expect(refusal { try home.backUp() } == .dataLoss)
        #expect(message { try home.backUp() }.contains("model 'third', version 1, file '"))
        try FileManager.default.removeItem(atPath: try #require(new.first))
        #expect(refusal { try home.backUp() } == .dataLoss)
        #expect(
            try Data(contentsOf: URL(filePath: home.backupPath + "/backup.json")) == before
        )
        // What is damaged there and whole in the backup is no reason to fail.
        do { try home.open().deleteVersion(model: "third", version: 1, principal: "cert:ann") }
        for file in old { try flipBit(of: file, at: 200) }
        #expect(try home.backUp().copiedBlobs == 0)
        #expect(try home.restore().versions == 2)
    }

    @Test(
        "a damaged database does not take the place of a whole one",
        arguments: [
            "UPDATE catalogue SET signature = \(firstDigitFlipped("signature"))",
            "UPDATE versions SET signature = \(firstDigitFlipped("signature"))",
            "UPDATE versions SET record_sha256 = \(firstDigitFlipped("record_sha256"))",
            "DELETE FROM aliases",
            "DELETE FROM catalogue",
        ]
    )
    func damagedDatabase(_ sql: String) throws {
        let home = try populated()
        try home.backUp()
        let manifest = home.backupPath + "/backup.json"
        let before = try Data(contentsOf: URL(filePath: manifest))
        try home.sql(sql)
        #expect([.unavailable, .dataLoss].contains(refusal { try home.backUp() }))
        #expect(try Data(contentsOf: URL(filePath: manifest)) == before)
        #expect(try home.restore().versions == 2)
    }

    @Test("a backup that was cut between database and manifest is whole, and goes on")
    func cut() throws {
        let home = try populated()
        try home.backUp()
        let manifest = home.backupPath + "/backup.json"
        let first = try Data(contentsOf: URL(filePath: manifest))
        do { _ = try home.open().publishSmall() }
        try home.backUp()
        let second = try Data(contentsOf: URL(filePath: manifest))
        try second.write(to: URL(filePath: manifest + ".new"))
        try first.write(to: URL(filePath: manifest))
        #expect(try home.restore().versions == 3)
        // A failing next one leaves it whole too: the manifest is found before it is replaced.
        do { _ = try home.open().publishSmall() }
        try home.sql("UPDATE catalogue SET signature = \(firstDigitFlipped("signature"))")
        #expect(refusal { try home.backUp() } == .unavailable)
        #expect(try Data(contentsOf: URL(filePath: manifest)) == second)
        #expect(
            try home.restore(accepting: .ofTests()).versions == 3
        )
    }

    @Test("a first backup that was cut anywhere is taken up again")
    func firstCut() throws {
        let home = try populated()
        let folder = home.backupPath
        let files = FileManager.default
        try files.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try "x".write(toFile: folder + "/registry-id.new", atomically: true, encoding: .utf8)
        try home.backUp()
        for left in ["/backup.json", "/store/registry.sqlite"] {
            try files.removeItem(atPath: folder + left)
        }
        for left in ["/store/blob.new", "/store/registry.sqlite.new", "/backup.json.new"] {
            try "cut".write(toFile: folder + left, atomically: true, encoding: .utf8)
        }
        #expect(refusal { try home.restore() } == .notFound)
        #expect(try home.backUp().copiedBlobs == 0)
        #expect(try home.restore().versions == 2)
    }
}
