import Foundation
import Sealing
import Synchronization
import Testing
import Text

@testable import Registry

/// Every bit of one small version, in every place that it lies in: each flip is a fault of that
/// version, and names the field in which it is.
@Suite("Flipped bits")
struct FlippedBitTests {
    private static let object = "model 'sentiment', version 1"

    /// A registry with one small version, opened for checks.
    private final class Fixture {
        let home: TestHome
        let metadata: MetadataStore
        let keys: KeyRing
        let publicKey: VerifyingKey
        let cardKey: SecretKey
        let found = FoundFaults()
        let findings: Findings

        init() throws {
            home = try TestHome()
            let registry = try home.open()
            var bundle = TestBundle(content: patterned(70))
            bundle.metadata = ["team": "a/b \"é\""]
            _ = try registry.publish(bundle, alias: "live")
            _ = try registry.settle(
                model: "sentiment",
                alias: "live",
                generation: 1,
                outcome: .served
            )
            publicKey = registry.publicKey
            cardKey = registry.cardKey
            _ = consume registry
            metadata = try MetadataStore.openForReading(home.layout.databasePath)
            let provider = try FolderKeyProvider(folder: home.path + "/keys")
            keys = KeyRing(provider) { provider }
            let found = found
            findings = Findings { found.add($0) }
        }

        var version: VersionCheck {
            VersionCheck(
                model: "sentiment",
                number: 1,
                registryID: home.registryID,
                publicKey: publicKey,
                keys: keys,
                cardKey: cardKey,
                findings: findings
            )
        }

        func rows() throws -> (version: CheckedRow, key: CheckedRow) {
            try metadata.read { transaction in
                let row = try #require(
                    try transaction.checkedVersion(place: 1)
                )
                let key = try transaction.checkedKey(bundleID: try row.text("bundle_id"))
                return (row, try #require(key))
            }
        }
    }

    private final class FoundFaults: Sendable {
        private let faults = Mutex<[Finding]>([])

        func add(_ finding: Finding) { faults.withLock { $0.append(finding) } }

        func take() -> [Finding] {
            faults.withLock { faults in
                defer { faults = [] }
                return faults
            }
        }
    }

    /// Every row in which one bit of one column is another; a text that is none any more reads as
    /// SQLite's text does.
    private func flips(_ row: CheckedRow, _ column: String) -> [(bit: Int, row: CheckedRow)] {
        func with(_ value: CheckedRow.Value) -> CheckedRow {
            CheckedRow(values: row.values.merging([column: value]) { $1 })
        }
        switch row.values[column] {
        case .text(let text):
            var bytes = Array(text.utf8)
            return (0..<bytes.count * 8).map { bit in
                bytes[bit / 8] ^= 1 << UInt8(bit % 8)
                defer { bytes[bit / 8] ^= 1 << UInt8(bit % 8) }
                let text = String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
                return (bit, with(.text(text)))
            }
        case .integer(let number):
            return (0..<64).map { ($0, with(.integer(number ^ 1 << Int64($0)))) }
        case .null, .other, nil: return []
        }
    }

    /// Says how many positions were tried, for whoever asks.
    private func report(_ what: String, _ bits: Int) {
        print("flipped bits of \(what): \(bits) tried, \(bits) named")
    }

    @Test("a flipped bit of a sealed file is named by its field")
    func blob() throws {
        let fixture = try Fixture()
        let row = try fixture.rows()
        let outcome = fixture.version.run(row.version) { _ in row.key }
        #expect(outcome.dataKey != nil)
        let record = try #require(outcome.record)
        let file = try #require(record.files.first { $0.path == "model.onnx" })
        let path = BlobFolders.path(of: file.sealedSHA256, in: fixture.home.layout.blobsPath)
        let check = BlobCheck(
            object: Self.object + ", file 'model.onnx'",
            file: file,
            context: BlobContext(
                registryID: record.registryID,
                model: record.model,
                bundleID: record.bundleID,
                path: file.path
            ),
            key: outcome.dataKey,
            path: path,
            findings: fixture.findings,
            progress: { _ in }
        )
        check.run()
        #expect(fixture.found.take() == [])
        let fields: [(Range<Int>, String)] = [
            (0..<8, "magic"), (8..<10, "format version"), (10..<12, "suite"),
            (12..<13, "chunk size"), (13..<16, "zero bytes"), (16..<48, "salt"),
            (48..<55, "nonce prefix"), (55..<56, "zero byte"), (56..<64, "plaintext length"),
            (64..<96, "context hash"), (96..<128, "key commitment"), (128..<160, "header MAC"),
            (160..<Int(file.sealedBytes), "chunk 0"),
        ]
        let handle = try FileHandle(forUpdating: URL(fileURLWithPath: path))
        defer { try? handle.close() }
        let bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: path)))
        for (range, field) in fields {
            for bit in range.lowerBound * 8..<range.upperBound * 8 {
                for value in [bytes[bit / 8] ^ 1 << UInt8(bit % 8), bytes[bit / 8]] {
                    try handle.seek(toOffset: UInt64(bit / 8))
                    try handle.write(contentsOf: [value])
                    if value != bytes[bit / 8] { check.run() }
                }
                let found = fixture.found.take()
                #expect(found.map(\.field) == [field], "bit \(bit)")
                #expect(found.first?.object == Self.object + ", file 'model.onnx'")
            }
        }
        report("a sealed file", bytes.count * 8)
    }

    @Test("a flipped bit of a record is named by its field, or by those that nothing else states")
    func record() throws {
        let fixture = try Fixture()
        let row = try fixture.rows()
        let text = Array(try row.version.text("record").utf8)
        var named: Set<String> = []
        for flip in flips(row.version, "record") {
            let outcome = fixture.version.run(flip.row) { _ in row.key }
            let found = fixture.found.take()
            #expect(outcome.record == nil)
            #expect(!found.isEmpty, "bit \(flip.bit)")
            for fault in found {
                #expect(fault.object == Self.object, "bit \(flip.bit)")
                #expect(fault.field.hasPrefix("record"), "bit \(flip.bit): \(fault.field)")
                guard fault.field.hasPrefix("record field ") else { continue }
                let key = String(fault.field.dropFirst("record field ".count))
                named.insert(key)
                #expect(Self.key(at: flip.bit / 8, of: text) == key, "bit \(flip.bit)")
            }
        }
        report("a record", text.count * 8)
        #expect(
            named == [
                "bundle", "card_sha256", "created_by", "created_unix_ms", "files", "metadata",
                "model", "registry", "version",
            ]
        )
    }

    /// The key of the outermost member that a byte of a record lies in.
    private static func key(at offset: Int, of text: [UInt8]) -> String {
        let keys = [
            "bundle", "card_sha256", "created_by", "created_unix_ms", "files", "metadata", "model",
            "previous_sha256", "registry", "sequence", "type", "version",
        ]
        let string = String(decoding: text, as: UTF8.self)
        return keys.last { key in
            let range = string.range(of: "\"\(key)\":", options: key == "version" ? .backwards : [])
            return range.map { string.utf8.distance(from: string.startIndex, to: $0.lowerBound) }
                .map { $0 <= offset } ?? false
        } ?? ""
    }

    @Test(
        "a flipped bit of a version's row is named by its column",
        arguments: [
            ("signature", "record signature"), ("record_sha256", "column record_sha256"),
            ("bundle_id", "column bundle_id"), ("created_by", "column created_by"),
            ("created_unix_ms", "column created_unix_ms"), ("metadata", "column metadata"),
            ("bytes", "column bytes"), ("state", "column state"),
        ]
    )
    func row(column: String, field: String) throws {
        let fixture = try Fixture()
        let row = try fixture.rows()
        for flip in flips(row.version, column) {
            _ = fixture.version.run(flip.row) { _ in row.key }
            let found = fixture.found.take()
            #expect(found.map(\.field).contains(field), "bit \(flip.bit): \(found)")
            #expect(found.allSatisfy { $0.object == Self.object })
        }
    }

    @Test("a flipped bit of a sealed card is the card's")
    func card() throws {
        let fixture = try Fixture()
        let row = try fixture.rows()
        for flip in flips(row.version, "sealed_card") {
            _ = fixture.version.run(flip.row) { _ in row.key }
            let found = fixture.found.take()
            #expect(!found.isEmpty && found.allSatisfy { $0.field.hasPrefix("sealed card") })
            #expect(found.allSatisfy { $0.object == Self.object })
        }
    }

    @Test(
        "a flipped bit of a wrapped key is named by its column, or by the tag that covers it",
        arguments: ["model", "kek_id", "algorithm", "salt", "nonce", "ciphertext", "tag"]
    )
    func wrappedKey(column: String) throws {
        let fixture = try Fixture()
        let row = try fixture.rows()
        let flips = flips(row.key, column)
        report("a wrapped key's \(column)", flips.count)
        let covered = ["salt", "nonce", "ciphertext", "tag"].contains(column)
        for flip in flips {
            let outcome = fixture.version.run(row.version) { _ in flip.row }
            let found = fixture.found.take()
            #expect(outcome.dataKey == nil || column == "model")
            #expect(found.count == 1 && found[0].object == Self.object, "bit \(flip.bit)")
            let field = found.first?.field
            #expect(
                field == "wrapped key \(column)" || covered && field == "wrapped key tag",
                "bit \(flip.bit): \(field ?? "none")"
            )
        }
    }

    @Test("a wrapped key under another bundle's id is missing where it belongs, and stray there")
    func wrappedKeyBundle() throws {
        let home = try TestHome()
        _ = try home.open().publishSmall()
        try home.sql(
            """
            UPDATE wrapped_keys SET bundle_id = \(firstDigitFlipped("bundle_id"))
            WHERE model <> ''
            """
        )
        let faults = try home.verify().faults
        #expect(faults.contains(Self.object + ": wrapped key"), "\(faults)")
        #expect(faults.contains { $0.hasPrefix("wrapped key of bundle ") }, "\(faults)")
    }

    @Test("a flipped bit of the head is named by its field, or by the signature that covers it")
    func head() throws {
        let fixture = try Fixture()
        let check = HeadCheck(publicKey: fixture.publicKey, findings: fixture.findings)
        var named: Set<String> = []
        try fixture.metadata.read { transaction in
            let row = try #require(try transaction.checkedHead())
            for column in ["head", "signature", "registry_id", "sequence", "record_sha256"] {
                let flips = flips(row, column)
                report("a head's \(column)", flips.count)
                for flip in flips {
                    _ = try check.check(flip.row, transaction)
                    let found = fixture.found.take()
                    #expect(!found.isEmpty, "\(column), bit \(flip.bit)")
                    #expect(found.allSatisfy { $0.object == "catalogue head" })
                    switch column {
                    case "head":
                        #expect(found.allSatisfy { $0.field.hasPrefix("head") })
                        named.formUnion(found.map(\.field))
                    case "signature": #expect(found[0].field.hasPrefix("head "))
                    default: #expect(found.map(\.field) == ["column \(column)"])
                    }
                }
            }
        }
        #expect(
            named == [
                "head", "head signature", "head field aliases", "head field audit_sequence",
                "head field audit_sha256", "head field record_sha256", "head field registry",
                "head field sequence",
            ]
        )
    }
}
