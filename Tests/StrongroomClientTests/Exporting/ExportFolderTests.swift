import Foundation
import Testing
import Text

@testable import StrongroomClient

@Suite("The folder that an export makes")
struct ExportFolderTests {
    private func withFolder(_ body: (String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "\(UUID())").path()
        try FileManager.default.createDirectory(
            atPath: folder,
            withIntermediateDirectories: true
        )
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try body(folder)
    }

    private func names(_ folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
    }

    private func write(_ folder: ExportFolder, _ path: String, _ text: String) throws {
        let file = try folder.create(ExactString(path))
        try file.write(Array(text.utf8).span.bytes)
        try file.finish()
    }

    private func message(_ body: () throws -> Void) -> String {
        do {
            try body()
            return ""
        } catch {
            return (error as? StrongroomError)?.message ?? "another error: \(error)"
        }
    }

    @Test("it appears whole, and is for its owner alone", arguments: ["new", "new/", "empty"])
    func whole(name: String) throws {
        try withFolder { parent in
            try FileManager.default.createDirectory(
                atPath: parent + "/empty",
                withIntermediateDirectories: false
            )
            let target = parent + "/" + name
            let folder = try ExportFolder(target)
            try write(folder, "a/b/one", "1")
            try write(folder, "a/two", "22")
            try write(folder, "three", "")
            #expect(name == "empty" || !FileManager.default.fileExists(atPath: target))
            try folder.finish()
            folder.discard()
            #expect(try names(target) == ["a", "three"])
            #expect(try names(target + "/a") == ["b", "two"])
            #expect(try String(contentsOfFile: target + "/a/b/one", encoding: .utf8) == "1")
            let mode = try FileManager.default.attributesOfItem(atPath: target + "/a/two")
            #expect(mode[.posixPermissions] as? Int == 0o600)
            #expect(!(try names(parent)).contains { $0.contains("export-") })
        }
    }

    @Test("Paths are split at slashes and kept to the byte, whatever follows a slash")
    func spellings() throws {
        try withFolder { parent in
            let folder = try ExportFolder(parent + "/new")
            let spellings: [ExactString] = ["\u{F6}", "o\u{308}", "\u{301}"]
            for name in spellings { try write(folder, "in/\(name)", name.text) }
            try folder.finish()
            let found = try names(parent + "/new/in").map { ExactString($0) }
            #expect(Set(found) == Set(spellings))
            let bundle = try ModelBundle(path: parent + "/new")
            #expect(
                bundle.files.map { ExactString($0.path) }
                    == ["in/o\u{308}", "in/\u{F6}", "in/\u{301}"]
            )
        }
    }

    @Test("Tensors of composed and decomposed names differ")
    func tensorNames() {
        let tensors = ["\u{F6}", "o\u{308}"].map { Tensor(name: $0, floats: [1], shape: [1]) }
        #expect(tensors[0] != tensors[1])
        #expect(tensors[0] == Tensor(name: "\u{F6}", floats: [1], shape: [1]))
    }

    @Test("what was not finished leaves nothing")
    func discarded() throws {
        try withFolder { parent in
            let folder = try ExportFolder(parent + "/new")
            try write(folder, "a/b/one", "1")
            _ = try folder.create("a/open")
            #expect(try names(parent).count == 1)
            folder.discard()
            #expect(try names(parent).isEmpty)
            do {
                let forgotten = try ExportFolder(parent + "/new")
                try write(forgotten, "a", "1")
            }
            #expect(try names(parent).isEmpty)
        }
    }

    @Test("a file is not written twice, nor where a folder is, nor below a file")
    func collisions() throws {
        try withFolder { parent in
            let folder = try ExportFolder(parent + "/new")
            try write(folder, "a/b", "1")
            let taken: [ExactString] = ["a/b", "a", "a/b/c"]
            for path in taken {
                #expect(
                    message { _ = try folder.create(path) }.contains("cannot be made"),
                    "\(path)"
                )
            }
            folder.discard()
            #expect(try names(parent).isEmpty)
        }
    }

    @Test("a link inside is not followed")
    func links() throws {
        try withFolder { parent in
            let target = parent + "/target"
            try FileManager.default.createDirectory(
                atPath: target,
                withIntermediateDirectories: false
            )
            let folder = try ExportFolder(parent + "/new")
            let aside = try #require(try names(parent).first { $0.contains("export-") })
            for name in ["folder", "file"] {
                try FileManager.default.createSymbolicLink(
                    atPath: "\(parent)/\(aside)/\(name)",
                    withDestinationPath: target + "/" + name
                )
            }
            try FileManager.default.createDirectory(
                atPath: target + "/folder",
                withIntermediateDirectories: false
            )
            #expect(message { _ = try folder.create("folder/a") }.contains("cannot be made"))
            #expect(message { _ = try folder.create("file") }.contains("cannot be made"))
            #expect(try names(target + "/folder").isEmpty && names(target) == ["folder"])
        }
    }

    @Test("only an empty folder is replaced, also one that came meanwhile")
    func taken() throws {
        try withFolder { parent in
            let target = parent + "/new"
            let folder = try ExportFolder(target)
            try write(folder, "a", "1")
            try FileManager.default.createDirectory(
                atPath: target + "/mine",
                withIntermediateDirectories: true
            )
            #expect(message { try folder.finish() }.contains("cannot be made"))
            folder.discard()
            #expect(try names(parent) == ["new"] && names(target) == ["mine"])
            #expect(message { _ = try ExportFolder(target) }.contains("expected an empty folder"))
            #expect(message { _ = try ExportFolder(parent + "/none/new") } != "")
        }
    }
}
