import Foundation
import Testing
import Text

@testable import StrongroomClient

@Suite("The record that an export goes by")
struct SignedRecordTests {
    private let digest = String(repeating: "ab", count: 32)

    private func record(
        model: String = "m",
        version: String = "3",
        type: String = "strongroom/version/v1",
        files: String
    ) -> [UInt8] {
        Array(
            #"{"files":\#(files),"model":"\#(model)","type":"\#(type)","version":\#(version)}"#.utf8
        )
    }

    private func file(_ path: String, size: String = "5") -> String {
        #"{"path":"\#(path)","sha256":"\#(digest)","size":\#(size)}"#
    }

    private func message(_ bytes: [UInt8]) -> String {
        do {
            _ = try SignedRecord(bytes, model: "m", version: 3)
            return ""
        } catch {
            return (error as? StrongroomError).map { "\($0)" } ?? "another error: \(error)"
        }
    }

    @Test("files are read with path, size and digest")
    func files() throws {
        let bytes = record(files: "[\(file("a")),\(file("b/c d.txt", size: "7"))]")
        let record = try SignedRecord(bytes, model: "m", version: 3)
        #expect(record.files.map(\.path) == ["a", "b/c d.txt"])
        #expect(record.files.map(\.size) == [5, 7] && record.bytes == 12)
        #expect(record.files[0].sha256 == [UInt8](repeating: 0xAB, count: 32))
    }

    @Test("a record of another version, and what is no record, is data loss")
    func others() {
        let files = "[\(file("a"))]"
        #expect(message(record(files: files)) == "")
        for bytes in [
            record(model: "n", files: files), record(version: "4", files: files),
            record(version: "\"3\"", files: files),
            record(type: "strongroom/head/v1", files: files),
            record(files: "{}"), record(files: "[1]"), record(files: "[\(file("a", size: "-1"))]"),
            record(files: "[\(file("a", size: "1.0"))]"), [], Array("[]".utf8),
            record(files: files.replacing("ab", with: "AB")),
            record(files: files.replacing("abab", with: "ab")),
            record(files: "[\(file("a", size: "18446744073709551615")),\(file("b"))]"),
        ] {
            #expect(
                message(bytes).contains("(DATA_LOSS)"),
                "\(String(decoding: bytes, as: UTF8.self))"
            )
        }
    }

    @Test(
        "a path that could leave the folder is not written",
        arguments: [
            "", "/a", "a//b", "a/", ".", "./a", "a/./b", "..", "../a", "a/../../b", "a/..",
            #"a\\b"#, #"a\u0000b"#, #"a\nb"#, #"a\u0085b"#, String(repeating: "a", count: 513),
        ]
    )
    func badPaths(path: String) {
        #expect(message(record(files: "[\(file(path))]")).contains("which is not written"))
    }

    @Test(
        "a path at the limit, and dots inside names, are written",
        arguments: [
            String(repeating: "a", count: 512), "..a", "a..", "...", ".git/a",
        ]
    )
    func goodPaths(path: String) {
        #expect(message(record(files: "[\(file(path))]")) == "")
    }
}
