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

    private func link(_ path: String, to target: String) throws {
        try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: target)
    }

    @Test("symbolic links to files are followed, and have their own name")
    func links() throws {
        try withFolder { folder in
            try withFolder { elsewhere in
                try Data("abc".utf8).write(to: URL(filePath: elsewhere + "/1f3a"))
                try link(folder + "/model.onnx", to: elsewhere + "/1f3a")
                try link(folder + "/golden/0.json", to: "../model.onnx")
                let bundle = try ModelBundle(path: folder)
                #expect(bundle.files.map(\.path) == ["golden/0.json", "model.onnx"])
                #expect(bundle.files.allSatisfy { $0.size == 3 && $0.sha256.first == 0xBA })
                try link(elsewhere + "/bundle", to: folder)
                #expect(
                    try ModelBundle(path: elsewhere + "/bundle").files
                        == bundle.files.map {
                            ModelBundle.File(
                                path: $0.path,
                                size: $0.size,
                                sha256: $0.sha256,
                                location: "\(elsewhere)/bundle/\($0.path)"
                            )
                        }
                )
            }
        }
    }

    @Test("a mounted volume of Kubernetes is a bundle of its links")
    func volume() throws {
        try withFolder { folder in
            try FileManager.default.removeItem(atPath: folder + "/golden")
            let generation = folder + "/..2026_01_01"
            try FileManager.default.createDirectory(
                atPath: generation,
                withIntermediateDirectories: false
            )
            try Data("abc".utf8).write(to: URL(filePath: generation + "/model.onnx"))
            try link(folder + "/..data", to: "..2026_01_01")
            try link(folder + "/model.onnx", to: "..data/model.onnx")
            try Data().write(to: URL(filePath: folder + "/.hidden"))
            #expect(try ModelBundle(path: folder).files.map(\.path) == [".hidden", "model.onnx"])
        }
    }

    @Test(
        "links to anything but a file are refused by name",
        arguments: [
            ("/etc", "to a folder"), ("golden", "to a folder"), ("/dev/null", "to a special file"),
            ("nowhere", "to nothing"), ("link", "in a loop"), ("/etc/hostname/x", "to nothing"),
        ]
    )
    func otherLinks(target: String, problem: String) throws {
        try withFolder { folder in
            try Data("abc".utf8).write(to: URL(filePath: folder + "/model.onnx"))
            try link(folder + "/link", to: target)
            let error = #expect(throws: StrongroomError.self) { try ModelBundle(path: folder) }
            #expect(error?.code == "INVALID_ARGUMENT")
            #expect(error?.message.contains("'link' is a symbolic link \(problem)") == true)
        }
    }

    @Test(
        "a card under another name is refused, unless the bundle has one with the right name",
        arguments: ["model.yml", "MODEL.YAML", "Model.Yml", "model.yaml.txt", "model.yml.TXT"]
    )
    func cardNames(name: String) throws {
        try withFolder { folder in
            try Data("abc".utf8).write(to: URL(filePath: folder + "/model.onnx"))
            try Data("x".utf8).write(to: URL(filePath: folder + "/golden/" + name))
            _ = try ModelBundle(path: folder)
            try Data("x".utf8).write(to: URL(filePath: folder + "/" + name))
            let error = #expect(throws: StrongroomError.self) { try ModelBundle(path: folder) }
            #expect(error?.code == "INVALID_ARGUMENT")
            #expect(error?.message.hasPrefix("file '\(name)': the card") == true)
            #expect(error?.message.contains("'model.yaml'") == true)
            try Data("x".utf8).write(to: URL(filePath: folder + "/model.yaml"))
            _ = try ModelBundle(path: folder)
        }
    }

    @Test("special files are refused by name")
    func special() throws {
        try withFolder { folder in
            #expect(mkfifo(folder + "/pipe", 0o600) == 0)
            let error = #expect(throws: StrongroomError.self) { try ModelBundle(path: folder) }
            #expect(error?.message.contains("pipe is neither a file nor a folder") == true)
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
