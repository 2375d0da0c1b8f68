import Foundation
import Registry
import Sealing
import Testing
import Text

/// The files of `Tests/Vectors/model-signing`, which the signing command made.
enum SigningVectors {
    struct Case: Decodable, Sendable, CustomTestStringConvertible {
        let name: String
        let key: String
        /// A part of the refusal; nil where the signature holds.
        let expect: String?

        var testDescription: String { name }
    }

    private static var folder: URL {
        URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "Vectors/model-signing")
    }

    static func cases() throws -> [Case] {
        try JSONDecoder().decode([Case].self, from: Data(bytes("cases.json")))
    }

    static func bytes(_ path: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: folder.appending(path: path)))
    }

    static func key(_ name: String) throws -> PublisherKey {
        try PublisherKey(pem: String(decoding: try bytes("keys/\(name).pem"), as: UTF8.self))
    }

    static func signature(_ name: String) throws -> [UInt8] {
        try bytes("signatures/\(name).sig")
    }

    /// The signed bundle, with a signature.
    static func bundle(signature: [UInt8]?, model: String = "sentiment") throws -> TestBundle {
        let paths: [ExactString] = [
            "model.yaml", "model.onnx", "golden/a.json", "golden-notes \u{FC}.txt", "empty",
        ]
        var files = try paths.map { (path: $0, content: try bytes("bundle/\($0)")) }
        if let signature { files.append(("model.sig", signature)) }
        var bundle = TestBundle(files)
        bundle.model = model
        return bundle
    }
}
