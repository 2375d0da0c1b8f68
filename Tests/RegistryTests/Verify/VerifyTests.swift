import Foundation
import Registry
import Sealing
import Testing

@Suite("Verification")
struct VerifyTests {
    /// Two models, three versions, one of them deleted, a history, and an open upload.
    static func populated() throws -> TestHome {
        let home = try TestHome()
        let registry = try home.open()
        _ = try registry.publish(TestBundle(content: patterned(Limits.chunkBytes + 500)))
        _ = try registry.publishSmall(alias: "live", serve: true)
        _ = try registry.publishSmall()
        _ = try registry.setAlias(
            model: "sentiment",
            alias: "live",
            version: 1,
            principal: "cert:ann"
        )
        _ = try registry.settle(model: "sentiment", alias: "live", generation: 2, outcome: .served)
        _ = try registry.publishSmall("other", alias: "live", serve: true)
        try registry.deleteVersion(model: "sentiment", version: 3, principal: "cert:ann")
        let begun = try registry.beginPublish(
            TestBundle(model: "third", content: patterned(50)).request,
            principal: "cert:ann"
        )
        try registry.chunk(begun.uploadID, 0, 0, Array(TestBundle.cardText.utf8))
        return home
    }

    private let large = "model 'sentiment', version 1, file 'model.onnx'"
    private let largeSealed = 160 + Limits.chunkBytes + 16 + 500 + 16

    @Test("a whole registry has no fault, and all of it is counted")
    func whole() throws {
        let home = try Self.populated()
        for withKeys in [true, false] {
            let verified = try home.verify(withKeys: withKeys)
            #expect(verified.faults == [])
            #expect(verified.summary.versions == 4 && verified.summary.files == 6)
            #expect(verified.summary.uploads == 1 && verified.summary.events == 12)
            #expect(verified.summary.withKeys == withKeys && verified.summary.faults == 0)
            #expect(verified.summary.bytes > UInt64(Limits.chunkBytes))
            #expect(verified.notes.filter { $0.contains("nothing refers to it") }.count == 2)
        }
    }

    @Test("a registry is verified while it is served and changed")
    func served() throws {
        let home = try Self.populated()
        let registry = try home.open()
        _ = try registry.publishSmall()
        #expect(try home.verify().faults == [])
        _ = try registry.publishSmall("fourth", alias: "live")
        #expect(try home.verify().faults == [])
        #expect(refusal { try home.repair() } == .unavailable)
    }

    @Test(
        "damage to a sealed file is named by file and field",
        arguments: [
            ("flip", "chunk 1"), ("both", "chunk 0, chunk 1"), ("short", "chunk 1, sealed size"),
            ("long", "sealed size"), ("empty", "header, sealed size"), ("missing", "sealed file"),
            ("folder", "sealed file"),
        ]
    )
    func sealedFile(change: String, fields: String) throws {
        let home = try Self.populated()
        let path = try home.blob(sealedBytes: largeSealed)
        switch change {
        case "flip": try home.change(path) { $0[$0.count - 100] ^= 1 }
        case "both":
            try home.change(path) { bytes in
                bytes[1_000] ^= 1
                bytes[bytes.count - 1] ^= 1
            }
        case "short": try home.change(path) { $0.removeLast() }
        case "long": try home.change(path) { $0.append(0) }
        case "empty": try home.change(path) { $0 = [] }
        default: try FileManager.default.removeItem(atPath: path)
        }
        if change == "folder" {
            try FileManager.default.createDirectory(
                atPath: path,
                withIntermediateDirectories: false
            )
        }
        let verified = try home.verify()
        #expect(
            verified.faults == fields.split(separator: ", ").map { "\(large): \($0)" },
            "\(verified.findings)"
        )
    }

    @Test("without keys a damaged sealed file is named, and its header's fields are")
    func withoutKeys() throws {
        let home = try Self.populated()
        let path = try home.blob(sealedBytes: largeSealed)
        try home.change(path) { $0[5_000] ^= 1 }
        #expect(try home.verify(withKeys: false).faults == ["\(large): sealed SHA-256"])
        try home.change(path) { bytes in
            bytes[5_000] ^= 1
            bytes[100] ^= 1
        }
        #expect(try home.verify(withKeys: false).faults == ["\(large): key commitment"])
        #expect(try home.verify().faults == ["\(large): key commitment"])
    }

    @Test("a sealed file in another's place is named, with what does not belong")
    func exchanged() throws {
        let home = try Self.populated()
        let path = try home.blob(sealedBytes: largeSealed)
        let other = try #require(try home.files(below: "store/blobs").first { $0 != path })
        let bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: other)))
        try home.change(path) { $0 = bytes }
        let faults = try home.verify().faults
        for field in ["context hash", "key commitment", "sealed size"] {
            #expect(faults.contains("\(large): \(field)"), "\(faults)")
        }
        #expect(faults.allSatisfy { $0.hasPrefix(large) })
    }

    @Test(
        "damage to a row is named by object and field",
        arguments: [
            (
                "UPDATE versions SET record = replace(record, 'cert:ann', 'cert:eve') WHERE version = 2",
                "model 'sentiment', version 2: record field created_by"
            ),
            (
                "UPDATE versions SET bytes = 3 WHERE version = 2",
                "model 'sentiment', version 2: column bytes"
            ),
            (
                """
                UPDATE versions SET (record, signature, record_sha256) = (SELECT record, signature,
                record_sha256 FROM versions WHERE model = 'other') WHERE version = 2
                """,
                "model 'sentiment', version 2: column model"
            ),
            (
                "UPDATE models SET newest = 9 WHERE name = 'other'",
                "model 'other': column newest"
            ),
            (
                "UPDATE aliases SET version = 2 WHERE model = 'sentiment'",
                "model 'sentiment', alias 'live': column version"
            ),
            (
                "UPDATE versions SET state = 'deleted' WHERE model = 'other'",
                "model 'other', version 1: column state"
            ),
            (
                "UPDATE alias_moves SET to_version = 7 WHERE generation = 2",
                "model 'sentiment', alias 'live': history, generation 2, column to_version"
            ),
            (
                "UPDATE alias_moves SET outcome = 'rejected' WHERE generation = 2",
                "model 'sentiment', alias 'live': history, generation 2, column outcome"
            ),
            (
                "UPDATE alias_counters SET generation = 5 WHERE model = 'other'",
                "model 'other', alias 'live': counter, column generation"
            ),
            (
                "DELETE FROM alias_counters WHERE model = 'other'",
                "model 'other', alias 'live': counter"
            ),
            ("UPDATE audit SET detail = 'x' WHERE sequence = 3", "audit event 3: hash"),
            ("DELETE FROM audit WHERE sequence = 3", "audit event 3: sequence"),
            ("DELETE FROM audit WHERE sequence = 12", "audit log: tail"),
            (
                "UPDATE catalogue SET sequence = 99",
                "catalogue head: column sequence"
            ),
            (
                "UPDATE wrapped_keys SET tag = \(firstDigitFlipped("tag")) WHERE model = ''",
                "the registry's own key: wrapped key tag"
            ),
            (
                """
                UPDATE wrapped_keys SET (salt, nonce, ciphertext, tag) = (SELECT salt, nonce,
                ciphertext, tag FROM wrapped_keys WHERE model = '') WHERE model = 'other'
                """,
                "model 'other', version 1: wrapped key tag"
            ),
            (
                """
                INSERT INTO wrapped_keys SELECT bundle_id, 'sentiment', 'k', 'a', '', '', '', ''
                FROM versions WHERE model = 'sentiment' AND version = 3
                """,
                "model 'sentiment', version 3: wrapped key"
            ),
            ("DELETE FROM grdb_migrations", "database: format"),
            (
                "DELETE FROM versions WHERE model = 'sentiment' AND version = 3",
                "model 'other', version 1: record field previous_sha256"
            ),
        ]
    )
    func row(statement: String, place: String) throws {
        let home = try Self.populated()
        try home.sql(statement)
        let faults = try home.verify().faults
        #expect(faults.contains(place), "\(faults)")
        // The same is seen without keys, but for what only they open.
        if !place.contains("wrapped key tag") {
            let faults = try home.verify(withKeys: false).faults
            #expect(faults.contains(place), "without keys: \(faults)")
        }
    }

    @Test("the files beside the database are checked")
    func files() throws {
        let home = try Self.populated()
        let keys = home.path + "/keys"
        let kek = try #require(
            try FileManager.default.contentsOfDirectory(atPath: keys).first {
                $0.hasPrefix("kek-") && $0.hasSuffix(".key")
            }
        )
        try FileManager.default.setAttributes(
            [.posixPermissions: 0o666],
            ofItemAtPath: home.path + "/store/registry.sqlite"
        )
        try FileManager.default.setAttributes(
            [.posixPermissions: 0o444],
            ofItemAtPath: "\(keys)/\(kek)"
        )
        try "x\n".write(toFile: home.path + "/store/server-id", atomically: false, encoding: .utf8)
        try "99\n".write(toFile: keys + "/sequence", atomically: false, encoding: .utf8)
        let faults = try home.verify(withKeys: false).faults
        #expect(
            faults == [
                "file registry.sqlite: mode", "file sequence: sequence", "file server-id",
                "key file \(kek): mode",
            ],
            "\(faults)"
        )
    }

    @Test("a server's id without its line break is a fault")
    func serverID() throws {
        let home = try Self.populated()
        try home.change(home.path + "/store/server-id") { $0.removeLast() }
        #expect(try home.verify().faults == ["file server-id: line break"])
    }

    @Test("the name of the current key without its line break is a fault")
    func currentKey() throws {
        let home = try Self.populated()
        try home.change(home.path + "/keys/kek-current") { $0.removeLast() }
        #expect(try home.verify().faults == ["key file kek-current: line break"])
    }

    @Test("a sequence that is not written as the server writes it is a fault")
    func sequenceFile() throws {
        let home = try Self.populated()
        try home.change(home.path + "/keys/sequence") { $0.insert(UInt8(ascii: "0"), at: 0) }
        #expect(try home.verify().faults == ["file sequence"])
    }

    @Test("a public key that is not the signing key's is a fault, and signatures still hold")
    func publicKey() throws {
        let home = try Self.populated()
        let path = home.path + "/keys/signing.pub.pem"
        try FileManager.default.removeItem(atPath: path)
        try SigningKey.generate().publicKey.pem.write(
            toFile: path,
            atomically: false,
            encoding: .utf8
        )
        let faults = try home.verify().faults
        #expect(faults.contains("signing key"), "\(faults)")
    }

    @Test("what lies in the store and belongs to nothing is noted")
    func strays() throws {
        let home = try Self.populated()
        let blobs = home.path + "/store/blobs"
        try Data([1]).write(to: URL(fileURLWithPath: blobs + "/note.txt"))
        try FileManager.default.createDirectory(
            atPath: home.path + "/store/uploads/gone",
            withIntermediateDirectories: false
        )
        let verified = try home.verify()
        #expect(verified.faults == [])
        #expect(verified.notes.contains("file blobs/note.txt: is no blob"))
        #expect(verified.notes.contains("folder uploads/gone: no open upload has this id"))
    }

    @Test("a database that cannot be read is one fault, and the sealed files are still compared")
    func database() throws {
        let home = try Self.populated()
        let path = try home.blob(sealedBytes: largeSealed)
        try home.change(path) { $0[5_000] ^= 1 }
        try home.change(home.path + "/store/registry.sqlite") { bytes in
            for index in 0..<100 { bytes[index] = 0xFF }
        }
        for suffix in ["-wal", "-shm"] {
            try? FileManager.default.removeItem(
                atPath: home.path + "/store/registry.sqlite" + suffix
            )
        }
        let verified = try home.verify()
        let name = try #require(path.split(separator: "/").last)
        #expect(verified.faults == ["blob \(name): sealed SHA-256", "database"])
        #expect(verified.summary.files == 9)
    }

    @Test("an index that cannot be read hides no version and none of its files")
    func index() throws {
        let home = try Self.populated()
        let page = try home.rootPage(of: "sqlite_autoindex_versions_1")
        try home.change(home.layout.databasePathForTests) { bytes in
            for index in 0..<4_096 { bytes[(page - 1) * 4_096 + index] = 0xFF }
        }
        let verified = try home.verify()
        #expect(verified.faults.contains("database: integrity"), "\(verified.faults)")
        #expect(verified.summary.versions == 4 && verified.summary.files == 6)
        let repaired = try home.repair()
        #expect(repaired.repairs.contains { $0.hasPrefix("database: indexes") })
        #expect(try home.verify().faults == [], "\(repaired.findings)")
    }

    @Test("noise in a page of the database ends in faults, whichever page it is")
    func noise() throws {
        let original = try Self.populated()
        let pageBytes = 4_096
        let size = try Data(
            contentsOf: URL(fileURLWithPath: original.layout.databasePathForTests)
        ).count
        var quiet: [Int] = []
        for page in 1..<size / pageBytes {
            let home = try original.copy()
            // Rows lie at the end of their page.
            try home.change(home.layout.databasePathForTests) { bytes in
                let noise = patterned(12, seed: UInt64(page))
                for index in 0..<noise.count {
                    bytes[(page + 1) * pageBytes - 1 - index * 5] = noise[index]
                }
            }
            if try home.verify().faults.isEmpty { quiet.append(page) }
        }
        // Indexes that hold nothing yet, and the pages of tables without rows.
        #expect(quiet.count <= 5, "of \(size / pageBytes) pages \(quiet)")
    }
}
