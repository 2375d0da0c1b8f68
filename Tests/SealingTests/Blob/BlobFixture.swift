import Text

@testable import Sealing

/// A key and a place for blobs, with smallest chunks, and the two directions as one call each.
struct BlobFixture {
    static let chunkLog2: UInt8 = 16
    static let chunkBytes = 1 << 16

    let key: SecretKey
    let context: BlobContext

    init() throws {
        key = try SecretKey.random()
        context = BlobContext(
            registryID: try RandomBytes.make(count: 16),
            model: "sentiment",
            bundleID: try RandomBytes.make(count: 16),
            path: "model.onnx"
        )
    }

    func seal(_ plaintext: [UInt8], chunkLog2: UInt8 = chunkLog2) throws -> [UInt8] {
        let sealer = try BlobSealer(
            key: key,
            context: context,
            plaintextBytes: UInt64(plaintext.count),
            chunkLog2: chunkLog2
        )
        return try sealer.header + chunks(of: plaintext, with: sealer).joined()
    }

    /// All chunks of a plaintext, sealed in order.
    func chunks(of plaintext: [UInt8], with sealer: BlobSealer) throws -> [[UInt8]] {
        let size = sealer.layout.chunkBytes
        return try (0..<Int(sealer.layout.chunkCount)).map { index in
            let end = min((index + 1) * size, plaintext.count)
            return try sealer.seal(Array(plaintext[(index * size)..<end]))
        }
    }

    func opener(_ sealed: [UInt8]) throws -> BlobOpener {
        try Self.opener(sealed, key: key, context: context)
    }

    func open(_ sealed: [UInt8]) throws -> [UInt8] {
        try opener(sealed).open(whole: sealed).copyBytes()
    }

    static func opener(
        _ sealed: [UInt8],
        key: SecretKey,
        context: BlobContext
    ) throws -> BlobOpener {
        try BlobOpener(
            header: Array(sealed.prefix(BlobLayout.headerBytes)),
            key: key,
            context: context
        )
    }
}
