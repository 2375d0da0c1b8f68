internal import NIOCore
internal import Wire

/// Encodes replies into one buffer that is written when it is asked for: the replies of a tick
/// leave in one write.
///
/// A payload too large to be worth copying is written by itself, from where it lies, after what
/// came before it.
struct ReplyWriter {
    /// Payloads from this size on are not copied. The TLS handler makes the same cut.
    static let directWriteBytes = RequestBatch.directWriteBytes
    /// A buffer that grew beyond this is not kept.
    private static let maxKeptBytes = 64 << 10

    private var buffer = ByteBuffer()
    /// Bytes put in since ``take()`` last returned something.
    var bufferedBytes: Int { buffer.readableBytes }

    /// Adds a success; answers what has to be written now, in this order.
    ///
    /// - Parameter limit: the longest frame data that the caller takes, in bytes. A reply over
    ///   it becomes a failure.
    mutating func add(
        success payload: ByteBuffer,
        streamID: UInt32,
        limit: Int
    ) -> (head: ByteBuffer, payload: ByteBuffer)? {
        let count = payload.readableBytes
        guard begin(success: count, streamID: streamID, limit: limit) else { return nil }
        guard count >= Self.directWriteBytes else {
            buffer.writeImmutableBuffer(payload)
            return nil
        }
        return (take(), payload)
    }

    /// Adds a success, encoded on the way. A reply over the limit becomes a failure.
    mutating func add(success message: some OutgoingMessage, streamID: UInt32, limit: Int) {
        guard begin(success: message.byteCount, streamID: streamID, limit: limit) else { return }
        message.append(to: &buffer)
    }

    /// Adds all of a success but its `count` bytes of payload, or the failure that it is too long.
    /// - Returns: whether the payload is to follow.
    private mutating func begin(success count: Int, streamID: UInt32, limit: Int) -> Bool {
        let length = count + ResponseEnvelope.successPrefixByteCount(payloadByteCount: count)
        guard length <= limit else {
            add(failure: .oversize(length, limit: limit), streamID: streamID)
            return false
        }
        FrameHeader(length: UInt32(length), streamID: streamID, type: .response)
            .write(to: &buffer)
        ResponseEnvelope.writeSuccessPrefix(payloadByteCount: count, into: &buffer)
        return true
    }

    /// Adds a failure. One that does not fit the default frame loses its details and its text:
    /// the code is what a caller cannot do without.
    mutating func add(failure status: Status, streamID: UInt32) {
        let start = buffer.writerIndex
        FrameHeader(length: 0, streamID: streamID, type: .response).write(to: &buffer)
        ResponseEnvelope(failure: status).encode(into: &buffer)
        let length = buffer.writerIndex - start - FrameHeader.byteCount
        guard length <= RPCLimits.defaultFrameBytes else {
            buffer.moveWriterIndex(to: start)
            add(failure: Status(status.code, "the reason is too long to send"), streamID: streamID)
            return
        }
        buffer.setInteger(UInt32(length), at: start)
    }

    /// What is buffered. The storage is used again if the receiver has let go of it by then.
    mutating func take() -> ByteBuffer {
        let taken = buffer
        buffer.moveReaderIndex(to: buffer.writerIndex)
        return taken
    }

    /// Makes room for the next tick; to be called when what was taken is flushed.
    mutating func reset() {
        if buffer.capacity > Self.maxKeptBytes {
            buffer = ByteBuffer()
        } else {
            buffer.clear()
        }
    }
}
