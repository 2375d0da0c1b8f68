import Testing
import Text

@testable import Sealing

@Suite("Altered blobs")
struct BlobTamperTests {
    private static let chunk = BlobFixture.chunkBytes

    @Test("every truncation of a small blob is refused", arguments: [0, 40])
    func truncation(count: Int) throws {
        let fixture = try BlobFixture()
        let sealed = try fixture.seal(pattern(count))
        for length in 0..<sealed.count {
            let failure = code { _ = try fixture.open(Array(sealed.prefix(length))) }
            #expect(failure == .format, "\(length) of \(sealed.count) bytes")
        }
    }

    @Test("every flip of one bit of a small blob is refused", arguments: [0, 40])
    func bitFlips(count: Int) throws {
        let fixture = try BlobFixture()
        let sealed = try fixture.seal(pattern(count))
        for bit in 0..<(sealed.count * 8) {
            let failure = code { _ = try fixture.open(sealed.flippingBit(bit)) }
            #expect(failure == .format || failure == .authentication, "bit \(bit)")
        }
    }

    @Test("bytes after the last chunk are refused", arguments: [1, 15, 16, 17, chunk + 16])
    func extension_(count: Int) throws {
        let fixture = try BlobFixture()
        let sealed = try fixture.seal(pattern(40))
        #expect(code { _ = try fixture.open(sealed + pattern(count)) } == .format)
    }

    @Test("every cut of a blob of several chunks at a chunk's edge is refused")
    func chunkTruncation() throws {
        let fixture = try BlobFixture()
        let sealed = try fixture.seal(pattern(3 * Self.chunk))
        for chunks in 0..<3 {
            let length = 160 + chunks * (Self.chunk + 16)
            #expect(code { _ = try fixture.open(Array(sealed.prefix(length))) } == .format)
        }
    }

    @Test("chunks in another order, twice, or of another blob are refused")
    func rearranged() throws {
        let fixture = try BlobFixture()
        let plaintext = pattern(3 * Self.chunk)
        func blob() throws -> (header: [UInt8], chunks: [[UInt8]]) {
            let sealer = try BlobSealer(
                key: fixture.key,
                context: fixture.context,
                plaintextBytes: UInt64(plaintext.count),
                chunkLog2: BlobFixture.chunkLog2
            )
            return (sealer.header, try fixture.chunks(of: plaintext, with: sealer))
        }
        let (header, chunks) = try blob()
        let (otherHeader, other) = try blob()
        let rearranged = [
            [chunks[1], chunks[0], chunks[2]], [chunks[0], chunks[2], chunks[1]],
            [chunks[2], chunks[1], chunks[0]], [chunks[0], chunks[0], chunks[2]],
            [chunks[0], chunks[1], chunks[1]], [chunks[2], chunks[2], chunks[2]],
            [other[0], chunks[1], chunks[2]], [chunks[0], other[1], chunks[2]],
            [chunks[0], chunks[1], other[2]], other,
        ]
        for (index, blob) in rearranged.enumerated() {
            let failure = code { _ = try fixture.open(header + blob.joined()) }
            #expect(failure == .authentication, "arrangement \(index)")
        }
        #expect(try fixture.open(header + chunks.joined()) == plaintext)
        #expect(try fixture.open(otherHeader + other.joined()) == plaintext)
    }

    @Test("the final flag must be on the last chunk, and on no other")
    func finalFlag() throws {
        let fixture = try BlobFixture()
        let plaintext = pattern(Self.chunk)
        let sealer = try BlobSealer(
            key: fixture.key,
            context: fixture.context,
            plaintextBytes: UInt64(2 * Self.chunk),
            chunkLog2: BlobFixture.chunkLog2
        )
        let header = try BlobHeader(parsing: sealer.header)
        let keys = try BlobKeys(
            dataKey: fixture.key,
            salt: header.salt,
            derivedBytes: header.derivedBytes
        )
        let cipher = ChunkCipher(
            key: keys.encryption,
            noncePrefix: header.noncePrefix,
            header: sealer.header
        )
        for (first, last, opens) in [
            (false, true, true), (true, true, false), (false, false, false), (true, false, false),
        ] {
            let blob =
                try sealer.header
                + cipher.seal(plaintext.span.bytes, index: 0, isLast: first)
                + cipher.seal(plaintext.span.bytes, index: 1, isLast: last)
            let failure = code { _ = try fixture.open(blob) }
            #expect(failure == (opens ? nil : .authentication), "\(first), \(last)")
        }
    }

    @Test("another key is refused")
    func wrongKey() throws {
        let fixture = try BlobFixture()
        let sealed = try fixture.seal(pattern(40))
        let failure = code {
            _ = try BlobFixture.opener(sealed, key: .random(), context: fixture.context)
        }
        #expect(failure == .authentication)
    }

    @Test("another registry, model, bundle or path is refused, also with the fields cut anew")
    func wrongContext() throws {
        let fixture = try BlobFixture()
        let sealed = try fixture.seal(pattern(40))
        let right = fixture.context
        let other = try RandomBytes.make(count: 16)
        let wrong = [
            BlobContext(
                registryID: other,
                model: right.model,
                bundleID: right.bundleID,
                path: right.path
            ),
            BlobContext(
                registryID: right.registryID,
                model: "sentimenT",
                bundleID: right.bundleID,
                path: right.path
            ),
            BlobContext(
                registryID: right.registryID,
                model: right.model,
                bundleID: other,
                path: right.path
            ),
            BlobContext(
                registryID: right.registryID,
                model: right.model,
                bundleID: right.bundleID,
                path: "model.onnx2"
            ),
            BlobContext(
                registryID: right.registryID,
                model: "",
                bundleID: right.bundleID,
                path: ExactString(right.model + right.path.text)
            ),
        ]
        for context in wrong {
            let failure = code {
                _ = try BlobFixture.opener(sealed, key: fixture.key, context: context)
            }
            #expect(failure == .authentication, "\(context)")
        }
    }

    @Test("a chunk index that the blob does not have is refused")
    func wrongIndex() throws {
        let fixture = try BlobFixture()
        let sealed = try fixture.seal(pattern(40))
        let opener = try fixture.opener(sealed)
        let chunk = Array(sealed[160...])
        #expect(code { _ = try opener.openChunk(index: 0, sealed: chunk) } == nil)
        for index in [1, 1 << 32, UInt64.max] {
            #expect(code { _ = try opener.openChunk(index: index, sealed: chunk) } == .format)
        }
    }

    @Test("a refused chunk leaves nothing of the plaintext in its buffer, and the rest as it was")
    func refusedChunkIsCleansed() throws {
        let fixture = try BlobFixture()
        let sealed = try fixture.seal(pattern(40))
        let opener = try fixture.opener(sealed)
        let buffer = try SecretBuffer(byteCount: 60)
        let filled = [UInt8](repeating: 7, count: 60)
        buffer.withMutableBytes(0..<60) { $0.copy(filled.span.bytes, at: 0) }
        let altered = Array(sealed[160...]).flippingBit(0)
        let failure = code {
            try opener.openChunk(index: 0, sealed: altered.span.bytes, into: buffer, at: 10)
        }
        #expect(failure == .authentication)
        #expect(buffer.copyBytes(10..<50) == [UInt8](repeating: 0, count: 40))
        #expect(buffer.copyBytes(0..<10) + buffer.copyBytes(50..<60) == Array(filled.prefix(20)))
    }

    @Test("a blob does not open with the opener of another")
    func otherHeader() throws {
        let fixture = try BlobFixture()
        let first = try fixture.seal(pattern(40))
        let second = try fixture.seal(pattern(40))
        #expect(code { _ = try fixture.opener(first).open(whole: second) } == .format)
    }
}
