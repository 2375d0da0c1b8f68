import Foundation
import Registry
import Sealing
import Synchronization
import Testing
import Text

@Suite("Reading a file in pieces")
struct PiecewiseReadingTests {
    private final class Pieces: Sendable {
        private let state = Mutex<[[UInt8]]>([])

        var all: [[UInt8]] { state.withLock { $0 } }
        func add(_ piece: RawSpan) { state.withLock { $0.append(piece.copyToArray()) } }
    }

    private let home: TestHome

    init() throws { home = try TestHome() }

    private func version(of content: [UInt8]) throws -> OpenedVersion {
        let registry = try home.open()
        let number = try registry.publish(TestBundle(content: content)).version.version
        return try registry.open(model: "sentiment", version: number)
    }

    @Test(
        "the pieces are the file, whatever its size and the number of threads",
        arguments: [
            0, 1, Limits.chunkBytes - 1, Limits.chunkBytes, Limits.chunkBytes + 1, 8 << 20,
            (8 << 20) + 1, (24 << 20) + 5,
        ],
        [1, 3]
    )
    func whole(size: Int, threads: Int) throws {
        let content = patterned(size)
        let version = try version(of: content)
        // The second time its digest is known.
        for _ in 0..<2 {
            let pieces = Pieces()
            try version.readPieces("model.onnx", threads: threads) { piece in
                pieces.add(piece)
                return true
            }
            #expect(pieces.all.flatMap { $0 } == content)
            #expect(pieces.all.allSatisfy { $0.count <= 8 << 20 })
        }
    }

    @Test("a reader that wants no more ends the reading")
    func ended() throws {
        let version = try version(of: patterned(20 << 20))
        let pieces = Pieces()
        try version.readPieces("model.onnx") { piece in
            pieces.add(piece)
            return false
        }
        #expect(pieces.all.count == 1)
    }

    @Test("a file that the version lacks is not found")
    func missing() throws {
        let version = try version(of: patterned(5))
        #expect(refusal { try version.readPieces("other.onnx") { _ in true } } == .notFound)
    }

    @Test("no byte of a damaged chunk is handed on", arguments: [1, 2])
    func damaged(threads: Int) throws {
        let content = patterned((20 << 20) + 7)
        let version = try version(of: content)
        let path = try #require(
            try home.files(below: "store/blobs").first { path in
                try Data(contentsOf: URL(fileURLWithPath: path)).count > content.count
            }
        )
        var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        bytes[(17 << 20)] ^= 1
        try bytes.write(to: URL(fileURLWithPath: path))
        let pieces = Pieces()
        #expect(
            refusal {
                try version.readPieces("model.onnx", threads: threads) { piece in
                    pieces.add(piece)
                    return true
                }
            } == .dataLoss
        )
        let read = pieces.all.flatMap { $0 }
        #expect(read.count <= 16 << 20)
        #expect(read == Array(content.prefix(read.count)))
    }
}
