import Testing
import Text

@testable import Registry

@Suite("Signed statements")
struct RecordTests {
    private let digest = [UInt8](repeating: 7, count: 32)
    private let id = [UInt8](repeating: 9, count: 16)

    private var record: VersionRecord {
        VersionRecord(
            registryID: id,
            model: "m",
            version: 3,
            bundleID: id,
            createdBy: "cert:ann",
            createdUnixMs: 1_700_000_000_000,
            cardSHA256: digest,
            metadata: ["b": "2", "a": "1"],
            files: [
                .init(
                    path: "z",
                    size: 1,
                    sha256: digest,
                    sealedBytes: 177,
                    sealedSHA256: digest,
                    commitment: digest
                ),
                .init(
                    path: "a/b",
                    size: 0,
                    sha256: digest,
                    sealedBytes: 176,
                    sealedSHA256: digest,
                    commitment: digest
                ),
            ],
            previousSHA256: digest,
            sequence: 12
        )
    }

    @Test("a record has exactly the keys of the format, and its files in order")
    func recordText() {
        let hex = String(repeating: "07", count: 32)
        let hex16 = String(repeating: "09", count: 16)
        func file(_ path: String, _ sealed: Int, _ size: Int) -> String {
            "{\"commitment\":\"\(hex)\",\"path\":\"\(path)\",\"sealed_bytes\":\(sealed),"
                + "\"sealed_sha256\":\"\(hex)\",\"sha256\":\"\(hex)\",\"size\":\(size)}"
        }
        #expect(
            String(decoding: record.encoded(), as: UTF8.self)
                == "{\"bundle\":\"\(hex16)\",\"card_sha256\":\"\(hex)\",\"created_by\":\"cert:ann\","
                + "\"created_unix_ms\":1700000000000,\"files\":[\(file("a/b", 176, 0)),"
                + "\(file("z", 177, 1))],\"metadata\":{\"a\":\"1\",\"b\":\"2\"},\"model\":\"m\","
                + "\"previous_sha256\":\"\(hex)\",\"registry\":\"\(hex16)\",\"sequence\":12,"
                + "\"type\":\"strongroom/version/v1\",\"version\":3}"
        )
    }

    @Test("a record is read back as it was")
    func recordRoundTrip() throws {
        #expect(try VersionRecord(verified: record.encoded()) == record)
    }

    @Test("a head has exactly the keys of the format and is read back as it was")
    func head() throws {
        let head = CatalogueHead(
            registryID: id,
            sequence: 4,
            aliases: ["m": ["live": .init(generation: 2, version: 1, targetVersion: 3)]],
            auditSequence: 8,
            auditSHA256: digest,
            recordSHA256: digest,
            previousSHA256: digest,
            unixMs: 5
        )
        let hex = String(repeating: "07", count: 32)
        #expect(
            String(decoding: head.encoded(), as: UTF8.self)
                == "{\"aliases\":{\"m\":{\"live\":{\"generation\":2,\"target_version\":3,"
                + "\"version\":1}}},\"audit_sequence\":8,\"audit_sha256\":\"\(hex)\","
                + "\"previous_sha256\":\"\(hex)\",\"record_sha256\":\"\(hex)\",\"registry\":\""
                + String(repeating: "09", count: 16)
                + "\",\"sequence\":4,\"type\":\"strongroom/head/v1\",\"unix_ms\":5}"
        )
        #expect(try CatalogueHead(verified: head.encoded()) == head)
    }

    @Test("a statement with a key too many, too few, or of another type is refused")
    func strictness() {
        let text = String(decoding: record.encoded(), as: UTF8.self)
        for changed in [
            text.replacing("\"version\":3}", with: "\"version\":3,\"zzz\":1}"),
            text.replacing(",\"version\":3}", with: "}"),
            text.replacing("strongroom/version/v1", with: "strongroom/version/v2"),
            text.replacing("\"version\":3}", with: "\"version\":-3}"),
            text.replacing("\"size\":1", with: "\"size\":\"1\""),
            text.replacing("\"model\":\"m\"", with: "\"model\":1"),
            text.replacing("0909", with: "0A09"),
        ] {
            #expect(changed != text)
            #expect(refusal { try VersionRecord(verified: Array(changed.utf8)) } == .dataLoss)
        }
    }
}
