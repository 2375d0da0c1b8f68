import NIOCore
import Testing

@testable import Wire

@Suite("Request batch")
struct RequestBatchTests {
    private func frame(payloadBytes: Int) -> ByteBuffer {
        RequestEnvelope(
            service: "s",
            method: "m",
            payload: ByteBuffer(repeating: 7, count: payloadBytes)
        ).frame()
    }

    /// What a receiver decodes of what was written.
    private func received(_ parts: [ByteBuffer]) -> [(id: UInt32, payloadBytes: Int?)] {
        var decoder = FrameDecoder()
        var result: [(UInt32, Int?)] = []
        for part in parts {
            decoder.append(part)
            while case .frame(let header, let data) = decoder.next() {
                let envelope = try? RequestEnvelope(decoding: data)
                result.append((header.streamID, envelope?.payload?.readableBytes))
            }
        }
        return result
    }

    @Test("small frames are one write, a large one stands alone behind them, each under its id")
    func order() {
        var batch = RequestBatch()
        let small = frame(payloadBytes: 10)
        let large = frame(payloadBytes: RequestBatch.directWriteBytes)
        #expect(batch.add(small, streamID: 1).isEmpty && batch.add(small, streamID: 3).isEmpty)
        let parts = batch.add(large, streamID: 5)
        #expect(parts.count == 3)
        #expect(batch.take() == nil)
        #expect(batch.add(small, streamID: 7).isEmpty)
        let found = received(parts + [batch.take()].compactMap { $0 })
        #expect(found.map(\.id) == [1, 3, 5, 7])
        #expect(found.map(\.payloadBytes) == [10, 10, RequestBatch.directWriteBytes, 10])
    }

    @Test("a frame is copied below the limit, and written from where it lies from there on")
    func limit() {
        var batch = RequestBatch()
        let rest = frame(payloadBytes: 12_000).readableBytes - 12_000
        let least = frame(payloadBytes: RequestBatch.directWriteBytes - rest)
        #expect(least.readableBytes == RequestBatch.directWriteBytes)
        #expect(batch.add(least, streamID: 1).count == 2)
        let below = frame(payloadBytes: RequestBatch.directWriteBytes - rest - 1)
        #expect(batch.add(below, streamID: 3).isEmpty)
    }
}
