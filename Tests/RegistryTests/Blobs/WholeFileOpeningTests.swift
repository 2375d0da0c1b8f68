import Glibc
import Sealing
import Synchronization
import Testing
import Text

@testable import Registry

@Suite("Opening a whole file on several threads")
struct WholeFileOpeningTests {
    private static let chunkLog2: UInt8 = 16
    private static let chunk = 1 << 16

    /// A blob in memory. Reads of some chunks fail; others wait until another was read.
    private final class Blob: BlobReader {
        struct Unreadable: Error, Equatable {
            let chunk: Int
        }

        private let bytes: [UInt8]
        private let chunkStarts: [UInt64: Int]
        private let unreadable: Set<Int>
        /// The chunks whose read was begun.
        let begun = Mutex<[Int]>([])
        private let gate: (chunk: Int, opensWith: Int)?
        private let isOpen = Mutex(false)

        var byteCount: UInt64 { UInt64(bytes.count) }

        init(
            _ bytes: [UInt8],
            _ layout: BlobLayout,
            unreadable: Set<Int> = [],
            gate: (chunk: Int, opensWith: Int)? = nil
        ) {
            self.bytes = bytes
            self.unreadable = unreadable
            self.gate = gate
            chunkStarts = Dictionary(
                uniqueKeysWithValues: (0..<layout.chunkCount).map {
                    (layout.sealedRange(ofChunk: $0).lowerBound, Int($0))
                }
            )
        }

        func read(into target: inout MutableRawSpan, at offset: UInt64) throws {
            if let chunk = chunkStarts[offset] {
                begun.withLock { $0.append(chunk) }
                if gate?.opensWith == chunk { isOpen.withLock { $0 = true } }
                if gate?.chunk == chunk {
                    while !isOpen.withLock({ $0 }) { sched_yield() }
                }
                if unreadable.contains(chunk) { throw Unreadable(chunk: chunk) }
            }
            let end = Int(offset) + target.byteCount
            bytes[Int(offset)..<end].span.bytes.withUnsafeBytes { source in
                target.withUnsafeMutableBytes { $0.copyMemory(from: source) }
            }
        }
    }

    private struct Sealed {
        let opener: BlobOpener
        let bytes: [UInt8]

        init(_ content: [UInt8]) throws {
            let key = try SecretKey.random()
            let context = BlobContext(
                registryID: try RandomBytes.make(count: 16),
                model: "sentiment",
                bundleID: try RandomBytes.make(count: 16),
                path: "weights.bin"
            )
            let sealer = try BlobSealer(
                key: key,
                context: context,
                plaintextBytes: UInt64(content.count),
                chunkLog2: chunkLog2
            )
            var bytes = sealer.header
            for index in 0..<Int(sealer.layout.chunkCount) {
                let end = min((index + 1) * chunk, content.count)
                bytes += try sealer.seal(Array(content[index * chunk..<end]))
            }
            self.bytes = bytes
            opener = try BlobOpener(header: sealer.header, key: key, context: context)
        }

        func open(_ reader: Blob, threads: Int, hashes: Bool = true) throws -> (
            digest: [UInt8]?, content: [UInt8]
        ) {
            let buffer = try SecretBuffer(byteCount: Int(opener.plaintextBytes))
            let opening = WholeFileOpening(opener, reader: reader, into: buffer, hashes: hashes)
            return (try opening.run(threads: threads), buffer.copyBytes())
        }
    }

    @Test(
        "content and SHA-256 are the file's, on however many threads",
        arguments: [0, 1, chunk - 1, chunk, chunk + 1, 4 * chunk + 77],
        [0, 1, 2, 3, 8, 64]
    )
    func whole(count: Int, threads: Int) throws {
        let content = patterned(count)
        let sealed = try Sealed(content)
        let reader = Blob(sealed.bytes, sealed.opener.layout)
        let opened = try sealed.open(reader, threads: threads)
        #expect(opened.content == content)
        #expect(opened.digest == Digest.sha256(content))
        #expect(reader.begun.withLock { Set($0) } == Set(0..<Int(sealed.opener.chunkCount)))
    }

    @Test("without hashing there is the same content, and no digest", arguments: [1, 2, 5])
    func unhashed(threads: Int) throws {
        let content = patterned(4 * Self.chunk + 5)
        let sealed = try Sealed(content)
        let reader = Blob(sealed.bytes, sealed.opener.layout)
        let opened = try sealed.open(reader, threads: threads, hashes: false)
        #expect(opened.content == content)
        #expect(opened.digest == nil)
    }

    @Test(
        "the failure is that of the first bad chunk, on however many threads",
        arguments: [1, 2, 3, 8],
        [true, false]
    )
    func firstFailure(threads: Int, hashes: Bool) throws {
        let sealed = try Sealed(patterned(10 * Self.chunk))
        for _ in 0..<20 {
            let bad: Set = [3, 4, 5, 9]
            let reader = Blob(sealed.bytes, sealed.opener.layout, unreadable: bad)
            #expect(throws: Blob.Unreadable(chunk: 3)) {
                try sealed.open(reader, threads: threads, hashes: hashes)
            }
            if threads == 1 { #expect(reader.begun.withLock { $0 } == [0, 1, 2, 3]) }
        }
    }

    @Test("so it is when a later chunk fails before it", arguments: [2, 3, 8])
    func laterFailsFirst(threads: Int) throws {
        let sealed = try Sealed(patterned(6 * Self.chunk))
        for _ in 0..<20 {
            let reader = Blob(
                sealed.bytes,
                sealed.opener.layout,
                unreadable: [2, 3],
                gate: (chunk: 2, opensWith: 3)
            )
            #expect(throws: Blob.Unreadable(chunk: 2)) {
                try sealed.open(reader, threads: threads)
            }
        }
    }

    @Test("an altered chunk is refused, and so is an altered tag", arguments: [1, 2, 8], [0, 5])
    func altered(threads: Int, chunk: UInt64) throws {
        let sealed = try Sealed(patterned(5 * Self.chunk + 9))
        let range = sealed.opener.layout.sealedRange(ofChunk: chunk)
        for place in [range.lowerBound, range.upperBound - 1] {
            var bytes = sealed.bytes
            bytes[Int(place)] ^= 1
            let reader = Blob(bytes, sealed.opener.layout)
            let error = #expect(throws: SealingError.self) {
                try sealed.open(reader, threads: threads)
            }
            #expect(error?.code == .authentication)
        }
    }
}
