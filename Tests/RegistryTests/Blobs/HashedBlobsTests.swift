import Foundation
import Sealing
import Testing
import Text

@testable import Registry

@Suite("Blobs that were hashed")
struct HashedBlobsTests {
    private func digest(_ number: Int) -> [UInt8] {
        [UInt8](repeating: UInt8(number), count: 32)
    }

    @Test("no more are remembered than the limit")
    func limit() {
        let hashed = HashedBlobs(limit: 3)
        for number in 1...3 { hashed.insert(digest(number)) }
        hashed.insert(digest(3))
        #expect((1...3).allSatisfy { hashed.contains(digest($0)) })
        hashed.insert(digest(4))
        #expect(hashed.contains(digest(4)))
        #expect((1...4).count { hashed.contains(digest($0)) } == 3)
    }

    @Test(
        "a file is hashed when it is first read; a bit that flips afterwards is found all the same"
    )
    func flippedAfterwards() throws {
        let home = try TestHome()
        let registry = try home.open()
        let content = patterned(Limits.chunkBytes + 500)
        _ = try registry.publish(TestBundle(content: content))
        let version = try registry.open(model: "sentiment", version: 1)
        #expect(try version.read("model.onnx", threads: 1).copyBytes() == content)

        let path = try #require(
            try home.files(below: "store/blobs").first {
                try Data(contentsOf: URL(fileURLWithPath: $0)).count > Limits.chunkBytes
            }
        )
        var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        #expect(
            registry.hashed.contains(
                try #require(Hex.decode(URL(fileURLWithPath: path).lastPathComponent))
            )
        )
        #expect(try version.read("model.onnx", threads: 3).copyBytes() == content)
        bytes[Limits.chunkBytes / 2] ^= 1
        try bytes.write(to: URL(fileURLWithPath: path))
        #expect(refusal { try version.read("model.onnx") } == .dataLoss)
    }

    @Test("a file whose bytes are not the ones that were signed is not remembered as hashed")
    func wrongDigest() throws {
        let home = try TestHome()
        let registry = try home.open()
        _ = try registry.publish(TestBundle(content: patterned(70)))
        let opened = try registry.open(model: "sentiment", version: 1)
        let file = try #require(opened.record.files.first { $0.path == "model.onnx" })
        let lied = VersionRecord.File(
            path: file.path,
            size: file.size,
            sha256: [UInt8](repeating: 7, count: 32),
            sealedBytes: file.sealedBytes,
            sealedSHA256: file.sealedSHA256,
            commitment: file.commitment
        )
        let hashed = HashedBlobs()
        let sealed = try opened.sealed(lied)
        #expect(refusal { try sealed.readAll(threads: 1, hashed: hashed) } == .dataLoss)
        #expect(!hashed.contains(file.sealedSHA256))
    }
}
