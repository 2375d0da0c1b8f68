import Foundation
import Synchronization
import Testing

@testable import Sealing

@Suite("Blob round trips")
struct BlobRoundTripTests {
    private static let chunk = BlobFixture.chunkBytes

    @Test(
        "what is sealed opens to the same bytes",
        arguments: [0, 1, 2, chunk - 1, chunk, chunk + 1, 2 * chunk, 3 * chunk + 12_345]
    )
    func roundTrip(count: Int) throws {
        let fixture = try BlobFixture()
        let plaintext = pattern(count)
        let sealed = try fixture.seal(plaintext)
        #expect(try fixture.open(sealed) == plaintext)
        let size = try BlobSealer.sealedBytes(
            plaintextBytes: UInt64(count),
            chunkLog2: BlobFixture.chunkLog2
        )
        #expect(UInt64(sealed.count) == size)
    }

    @Test("every chunk size opens", arguments: SealingLimits.chunkLog2)
    func chunkSizes(log2: UInt8) throws {
        let fixture = try BlobFixture()
        let plaintext = pattern((1 << Int(log2)) + 1)
        #expect(try fixture.open(try fixture.seal(plaintext, chunkLog2: log2)) == plaintext)
    }

    @Test("a chunk size outside the format is refused", arguments: [0, 15, 23, 64, 255] as [UInt8])
    func chunkSizeLimit(log2: UInt8) throws {
        let fixture = try BlobFixture()
        let failure = code { _ = try fixture.seal([1], chunkLog2: log2) }
        #expect(failure == .limit)
    }

    @Test("a file of 2^32 chunks has a blob, one byte more has none")
    func chunkCountLimit() throws {
        let layout = try BlobLayout(plaintextBytes: 1 << 48, chunkLog2: 16)
        #expect(layout.chunkCount == SealingLimits.maxChunks)
        #expect(layout.sealedBytes == 160 + (1 << 48) + 16 * (1 << 32))
        #expect(layout.plaintextBytes(ofChunk: (1 << 32) - 1) == 1 << 16)
        let failure = code {
            _ = try BlobLayout(plaintextBytes: (1 << 48) + 1, chunkLog2: 16)
        }
        #expect(failure == .limit)
        #expect(code { _ = try BlobLayout(plaintextBytes: .max, chunkLog2: 22) } == .limit)
    }

    @Test("chunks open in any order, from several threads, into one buffer")
    func parallelOpen() throws {
        let fixture = try BlobFixture()
        let plaintext = pattern(6 * Self.chunk + 1)
        let sealed = try fixture.seal(plaintext)
        let opener = try fixture.opener(sealed)
        let buffer = try SecretBuffer(byteCount: plaintext.count)
        DispatchQueue.concurrentPerform(iterations: Int(opener.chunkCount)) { turn in
            let index = opener.chunkCount - 1 - UInt64(turn)
            let range = opener.layout.sealedRange(ofChunk: index)
            let chunk = Array(sealed[Int(range.lowerBound)..<Int(range.upperBound)])
            let failure = code {
                try opener.openChunk(
                    index: index,
                    sealed: chunk.span.bytes,
                    into: buffer,
                    at: Int(index) * opener.chunkBytes
                )
            }
            #expect(failure == nil)
        }
        #expect(buffer.copyBytes() == plaintext)
    }

    @Test("two blobs of one file share no header, nonce or ciphertext")
    func freshSalt() throws {
        let fixture = try BlobFixture()
        let first = try fixture.seal(pattern(100))
        let second = try fixture.seal(pattern(100))
        #expect(first[16..<55] != second[16..<55])
        #expect(first[96...] != second[96...])
    }

    @Test("the commitment that sealer and opener state is the header's")
    func commitment() throws {
        let fixture = try BlobFixture()
        let sealer = try BlobSealer(
            key: fixture.key,
            context: fixture.context,
            plaintextBytes: 1
        )
        #expect(sealer.commitment == Array(sealer.header[96..<128]))
        #expect(try fixture.opener(sealer.header).commitment == sealer.commitment)
    }

    @Test("a sealer takes chunks of their length only, and none after the last")
    func sealerOrder() throws {
        let fixture = try BlobFixture()
        let sealer = try BlobSealer(
            key: fixture.key,
            context: fixture.context,
            plaintextBytes: UInt64(Self.chunk + 5),
            chunkLog2: BlobFixture.chunkLog2
        )
        for count in [0, 5, Self.chunk - 1, Self.chunk + 1] {
            #expect(code { _ = try sealer.seal(pattern(count)) } == .format)
        }
        #expect(sealer.nextChunk == 0 && !sealer.isComplete)
        let first = try sealer.seal(pattern(Self.chunk))
        #expect(code { _ = try sealer.seal(pattern(Self.chunk)) } == .format)
        #expect(sealer.nextChunk == 1 && !sealer.isComplete)
        let last = try sealer.seal(pattern(5))
        #expect(sealer.isComplete)
        #expect(code { _ = try sealer.seal(pattern(5)) } == .format)
        #expect(code { _ = try sealer.seal([]) } == .format)
        #expect(try fixture.open(sealer.header + first + last).count == Self.chunk + 5)
    }

    @Test("an empty file is complete after its one empty chunk")
    func emptyFile() throws {
        let fixture = try BlobFixture()
        let sealer = try BlobSealer(
            key: fixture.key,
            context: fixture.context,
            plaintextBytes: 0
        )
        #expect(!sealer.isComplete)
        #expect(code { _ = try sealer.seal([1]) } == .format)
        #expect(try sealer.seal([]).count == 16)
        #expect(sealer.isComplete)
    }

    @Test("threads that seal at once never share a chunk index")
    func concurrentSealing() throws {
        let fixture = try BlobFixture()
        let count = 8
        let sealer = try BlobSealer(
            key: fixture.key,
            context: fixture.context,
            plaintextBytes: UInt64(count * Self.chunk),
            chunkLog2: BlobFixture.chunkLog2
        )
        let plaintext = pattern(Self.chunk)
        let sealed = Mutex<[[UInt8]]>([])
        DispatchQueue.concurrentPerform(iterations: count + 4) { _ in
            guard let chunk = try? sealer.seal(plaintext) else { return }
            sealed.withLock { $0.append(chunk) }
        }
        let chunks = sealed.withLock { $0 }
        #expect(chunks.count == count && Set(chunks).count == count)
        let opener = try fixture.opener(sealer.header)
        let opened = (0..<UInt64(count)).filter { index in
            chunks.contains { (try? opener.openChunk(index: index, sealed: $0)) != nil }
        }
        #expect(opened.count == count)
    }
}
