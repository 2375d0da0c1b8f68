import Testing
import Text

@testable import Sealing

@Suite("Blobs made by another program")
struct BlobVectorTests {
    struct Vectors: Decodable {
        struct Whole: Decodable {
            let name: String
            let size: Int
            let sealed: HexBytes
        }

        struct Summary: Decodable {
            let name: String
            let size: Int
            let chunk_log2: UInt8
            let sealed_bytes: UInt64
            let salt, nonce_prefix, header, sealed_sha256: HexBytes
        }

        struct Refused: Decodable {
            let name: String
            let expect: String
            let sealed: HexBytes
        }

        let data_key, registry, bundle, context_hash: HexBytes
        let model: String
        let path: String
        let whole: [Whole]
        let digests: [Summary]
        let refused: [Refused]

        var context: BlobContext {
            BlobContext(
                registryID: registry.bytes,
                model: model,
                bundleID: bundle.bytes,
                path: ExactString(path)
            )
        }
    }

    private let file: Vectors
    private let key: SecretKey

    init() throws {
        file = try vectors("sealing/blobs.json")
        key = try file.data_key.key
    }

    @Test("the context hash is the other program's")
    func contextHash() {
        #expect(file.context.hash == file.context_hash.bytes)
    }

    @Test("blobs of the other program open")
    func opens() throws {
        for vector in file.whole {
            let sealed = vector.sealed.bytes
            let opener = try BlobFixture.opener(sealed, key: key, context: file.context)
            #expect(
                try opener.open(whole: sealed).copyBytes() == pattern(vector.size),
                "\(vector.name)"
            )
        }
    }

    @Test("under the same salt and prefix, sealing gives the other program's bytes")
    func seals() throws {
        for vector in file.digests {
            let layout = try BlobLayout(
                plaintextBytes: UInt64(vector.size),
                chunkLog2: vector.chunk_log2
            )
            let sealer = try BlobSealer(
                key: key,
                start: BlobHeader(
                    layout: layout,
                    salt: vector.salt.bytes,
                    noncePrefix: vector.nonce_prefix.bytes,
                    contextHash: file.context.hash
                )
            )
            let chunks = try BlobFixture().chunks(of: pattern(vector.size), with: sealer)
            let sealed = sealer.header + chunks.joined()
            #expect(sealer.header == vector.header.bytes, "\(vector.name)")
            #expect(UInt64(sealed.count) == vector.sealed_bytes, "\(vector.name)")
            #expect(layout.sealedBytes == vector.sealed_bytes, "\(vector.name)")
            #expect(Digest.sha256(sealed) == vector.sealed_sha256.bytes, "\(vector.name)")
        }
    }

    @Test("wrong blobs of the other program are refused for the right reason")
    func refuses() throws {
        for vector in file.refused {
            let sealed = vector.sealed.bytes
            let failure = code {
                let opener = try BlobFixture.opener(sealed, key: key, context: file.context)
                _ = try opener.open(whole: sealed)
            }
            #expect(failure?.rawValue == vector.expect, "\(vector.name)")
        }
    }
}
