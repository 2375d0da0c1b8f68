import NIOCore
import Testing

@testable import TLS

@Suite("The queue of writes")
struct WriteQueueTests {
    @Test("only what was marked is taken")
    func marked() {
        var queue = WriteQueue()
        queue.append(ByteBuffer(string: "a"), promise: nil)
        #expect(queue.takeMarked()?.plaintext == nil)
        queue.mark()
        queue.append(ByteBuffer(string: "b"), promise: nil)
        #expect(queue.takeMarked()?.plaintext.map { String(buffer: $0) } == ["a"])
        #expect(queue.takeMarked()?.plaintext == nil)
        queue.mark()
        #expect(queue.takeMarked()?.plaintext.map { String(buffer: $0) } == ["b"])
    }

    @Test("small neighbours are put together, large ones stay apart, the order stays")
    func coalescing() {
        let large = ByteBuffer(repeating: 0x4C, count: TLSLimits.directWriteBytes)
        let small = ByteBuffer(repeating: 0x53, count: TLSLimits.directWriteBytes - 1)
        var queue = WriteQueue()
        for bytes in [small, small, large, large, small, ByteBuffer(), small] {
            queue.append(bytes, promise: nil)
        }
        queue.mark()
        let sizes = queue.takeMarked()?.plaintext.map(\.readableBytes)
        let one = TLSLimits.directWriteBytes
        #expect(sizes == [2 * (one - 1), one, one, 2 * (one - 1)])
    }

    @Test("putting together changes no buffer of the writer")
    func noAliasing() {
        let first = ByteBuffer(string: "first")
        var queue = WriteQueue()
        queue.append(first, promise: nil)
        queue.append(ByteBuffer(string: "second"), promise: nil)
        queue.mark()
        #expect(queue.takeMarked()?.plaintext.map { String(buffer: $0) } == ["firstsecond"])
        #expect(String(buffer: first) == "first")
    }
}
