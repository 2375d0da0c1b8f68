import Foundation
import Testing
import Text

@testable import StrongroomClient

@Suite("Bundles")
struct BundleTests {
    private func withFolder(_ body: (String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "\(UUID())").path()
        try FileManager.default.createDirectory(
            atPath: folder + "/golden",
            withIntermediateDirectories: true
        )
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try body(folder)
    }

    @Test("files are found in all folders, sorted, with size and digest")
    func folder() throws {
        try withFolder { folder in
            try Data("abc".utf8).write(to: URL(filePath: folder + "/model.onnx"))
            try Data().write(to: URL(filePath: folder + "/golden/0.json"))
            let bundle = try ModelBundle(path: folder)
            #expect(bundle.files.map(\.path) == ["golden/0.json", "model.onnx"])
            #expect(bundle.size == 3)
            // FIPS 180-2, appendix B.1.
            #expect(bundle.files[1].sha256.prefix(4) == [0xBA, 0x78, 0x16, 0xBF])
        }
    }

    @Test("a single file is a bundle by its name")
    func file() throws {
        try withFolder { folder in
            try Data("abc".utf8).write(to: URL(filePath: folder + "/net.onnx"))
            #expect(try ModelBundle(path: folder + "/net.onnx").files.map(\.path) == ["net.onnx"])
        }
    }

    @Test("what is neither file nor folder is refused by name")
    func link() throws {
        try withFolder { folder in
            try FileManager.default.createSymbolicLink(
                atPath: folder + "/link",
                withDestinationPath: "/etc/hostname"
            )
            let error = #expect(throws: StrongroomError.self) { try ModelBundle(path: folder) }
            #expect(error?.message.contains("link is neither a file nor a folder") == true)
        }
    }

    @Test("an empty folder and a missing path are refused")
    func nothing() throws {
        try withFolder { folder in
            #expect(throws: StrongroomError.self) { try ModelBundle(path: folder + "/golden") }
            #expect(throws: StrongroomError.self) { try ModelBundle(path: folder + "/none") }
        }
    }

    @Test("the default idempotency key tells contents and metadata apart")
    func digest() throws {
        try withFolder { folder in
            try Data("abc".utf8).write(to: URL(filePath: folder + "/model.onnx"))
            let bundle = try ModelBundle(path: folder)
            let plain = bundle.digest(metadata: [:])
            #expect(plain == (try ModelBundle(path: folder)).digest(metadata: [:]))
            #expect(plain != bundle.digest(metadata: ["a": "b"]))
            try Data("abd".utf8).write(to: URL(filePath: folder + "/model.onnx"))
            #expect(plain != (try ModelBundle(path: folder)).digest(metadata: [:]))
        }
    }
}

@Suite("Tensors")
struct TensorTests {
    @Test("texts are written behind their lengths")
    func strings() {
        let tensor = Tensor(name: "t", strings: ["é", ""])
        #expect(tensor.data == [2, 0, 0, 0, 0xC3, 0xA9, 0, 0, 0, 0])
        #expect(tensor.shape == [2])
    }

    @Test("floats read back as they were")
    func floats() {
        let values: [Float] = [1, -0.5, .infinity]
        #expect(Tensor(name: "t", floats: values, shape: [3]).floats == values)
        #expect(Tensor(name: "t", strings: ["1"]).floats == nil)
    }
}
