package import NIOCore

/// Gathers request frames that leave in one write.
///
/// A frame too large to be worth copying is written by itself, from where it lies, after what came
/// before it.
package struct RequestBatch: Sendable {
    /// Frames from this size on are not copied. The TLS handler makes the same cut.
    package static let directWriteBytes = 16 << 10

    private var buffer = ByteBuffer()

    package init() {}

    /// Adds a request's frame under a stream id; answers what has to be written now, in this order.
    package mutating func add(_ frame: ByteBuffer, streamID: UInt32) -> [ByteBuffer] {
        // The id follows the length in the header.
        let offset = MemoryLayout<UInt32>.size
        guard frame.readableBytes >= Self.directWriteBytes else {
            let start = buffer.writerIndex
            buffer.writeImmutableBuffer(frame)
            buffer.setInteger(streamID, at: start + offset)
            return []
        }
        var data = frame
        // Somebody else still holds the frame, so changing it would copy it: the header goes alone.
        guard var header = data.readSlice(length: FrameHeader.byteCount) else { return [] }
        header.setInteger(streamID, at: header.readerIndex + offset)
        return [take(), header, data].compactMap { $0 }
    }

    /// What is gathered; nil for nothing.
    package mutating func take() -> ByteBuffer? {
        guard buffer.readableBytes > 0 else { return nil }
        defer { buffer = ByteBuffer() }
        return buffer
    }
}

extension RequestEnvelope {
    /// The whole frame, its stream id 0. Whoever sends it compares its length with the limit.
    package func frame() -> ByteBuffer {
        var frame = ByteBuffer()
        let known = service.readableBytes + method.readableBytes + (payload?.readableBytes ?? 0)
        frame.reserveCapacity(known + Self.roomForTheRest)
        FrameHeader(length: 0, streamID: 0, type: .request).write(to: &frame)
        encode(into: &frame)
        let length = frame.readableBytes - FrameHeader.byteCount
        frame.setInteger(UInt32(clamping: length), at: frame.readerIndex)
        return frame
    }

    /// Bytes for the header, tags and a timeout.
    private static let roomForTheRest = 64
}
