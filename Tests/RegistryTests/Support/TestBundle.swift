import Foundation
import Registry
import Sealing
import Text

/// A bundle with its content, and the ways to send it.
struct TestBundle {
    var model = "sentiment"
    var files: [(path: ExactString, content: [UInt8])]
    var metadata: [ExactString: ExactString] = [:]
    var key = ""

    static let cardText = "format: 1\nengine: onnxruntime\nentry: model.onnx\n"

    /// A card and a model file of these bytes.
    init(model: String = "sentiment", content: [UInt8], key: String = "") {
        self.model = model
        self.key = key
        files = [("model.yaml", Array(TestBundle.cardText.utf8)), ("model.onnx", content)]
    }

    /// These files.
    init(_ files: [(path: ExactString, content: [UInt8])]) {
        self.files = files
    }

    var request: PublishRequest {
        PublishRequest(
            model: model,
            files: files.map {
                BundleFile(
                    path: $0.path,
                    size: UInt64($0.content.count),
                    sha256: Digest.sha256($0.content)
                )
            },
            metadata: metadata,
            idempotencyKey: key
        )
    }

    /// Sends all chunks of all files from where they are.
    func send(_ uploadID: String, to registry: Registry, principal: String = "cert:ann") throws {
        let status = try registry.uploadStatus(uploadID: uploadID, principal: principal)
        for (index, file) in files.enumerated() {
            var offset = Int(status.nextOffsets[index])
            while offset < file.content.count {
                let end = min(offset + Limits.chunkBytes, file.content.count)
                offset = Int(
                    try registry.chunk(
                        uploadID,
                        index,
                        offset,
                        Array(file.content[offset..<end]),
                        principal: principal
                    )
                )
            }
        }
    }
}

extension Registry {
    /// Sends one chunk.
    @discardableResult
    func chunk(
        _ uploadID: String,
        _ index: Int,
        _ offset: Int,
        _ bytes: [UInt8],
        principal: String = "cert:ann"
    ) throws -> UInt64 {
        try receiveChunk(
            uploadID: uploadID,
            fileIndex: index,
            offset: UInt64(offset),
            bytes: bytes.span.bytes,
            principal: principal
        )
    }

    /// Begin, chunks and commit.
    @discardableResult
    func publish(
        _ bundle: TestBundle,
        alias: String? = nil,
        principal: String = "cert:ann"
    ) throws -> Committed {
        let begun = try beginPublish(bundle.request, principal: principal)
        try bundle.send(begun.uploadID, to: self, principal: principal)
        return try commit(uploadID: begun.uploadID, alias: alias, principal: principal)
    }

    /// Publishes a small version, and answers its number.
    func publishSmall(
        _ model: String = "sentiment",
        alias: String? = nil,
        serve: Bool = false
    ) throws -> UInt64 {
        let committed = try publish(
            TestBundle(model: model, content: patterned(100, seed: .random(in: 0...999))),
            alias: alias
        )
        if serve, let move = committed.move {
            _ = try settle(
                model: model,
                alias: move.name,
                generation: move.generation,
                outcome: .served
            )
        }
        return committed.version.version
    }
}

/// Bytes that compress badly and repeat nowhere nearby.
func patterned(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
    var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count + 8)
    while bytes.count < count {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        withUnsafeBytes(of: state) { bytes.append(contentsOf: $0) }
    }
    return Array(bytes.prefix(count))
}

/// The code of the registry's error that `body` throws; `nil` if it throws none.
func refusal(_ body: () throws -> some Any) -> RegistryError.Code? {
    do {
        _ = try body()
        return nil
    } catch let error as RegistryError {
        return error.code
    } catch {
        return nil
    }
}

/// The message of the registry's error that `body` throws.
func message(_ body: () throws -> some Any) -> String {
    do {
        _ = try body()
        return ""
    } catch let error as RegistryError {
        return error.message
    } catch {
        return "another error: \(error)"
    }
}
