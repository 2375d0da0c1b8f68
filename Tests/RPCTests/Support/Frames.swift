import NIOCore
import Text
import Wire

/// Makes the frames that a client sends, well-formed or not.
enum Frames {
    static func request(
        _ streamID: UInt32,
        service: String = "test.Service",
        method: String = "Echo",
        payload: ByteBuffer? = ByteBuffer(string: "hi"),
        timeoutNano: Int64 = 0,
        metadata: [(key: ExactString, value: String)] = [],
        flags: FrameFlags = []
    ) -> ByteBuffer {
        let envelope = RequestEnvelope(
            service: service,
            method: method,
            payload: payload,
            timeoutNano: timeoutNano,
            metadata: metadata
        )
        var body = ByteBuffer()
        envelope.encode(into: &body)
        return raw(streamID, type: 1, flags: flags, body)
    }

    static func data(
        _ streamID: UInt32,
        _ body: ByteBuffer = ByteBuffer(),
        flags: FrameFlags = []
    ) -> ByteBuffer {
        raw(streamID, type: 3, flags: flags, body)
    }

    static func raw(
        _ streamID: UInt32,
        type: UInt8,
        flags: FrameFlags = [],
        _ body: ByteBuffer = ByteBuffer()
    ) -> ByteBuffer {
        var frame = header(streamID, type: type, length: body.readableBytes, flags: flags)
        frame.writeImmutableBuffer(body)
        return frame
    }

    /// A header alone, with a length of one's own choice.
    static func header(
        _ streamID: UInt32,
        type: UInt8,
        length: Int,
        flags: FrameFlags = []
    ) -> ByteBuffer {
        var frame = ByteBuffer()
        FrameHeader(length: UInt32(length), streamID: streamID, rawType: type, flags: flags)
            .write(to: &frame)
        return frame
    }

    static func joined(_ frames: [ByteBuffer]) -> ByteBuffer {
        var joined = ByteBuffer()
        for frame in frames { joined.writeImmutableBuffer(frame) }
        return joined
    }
}

/// One frame that the server sent.
struct Reply: Equatable {
    var streamID: UInt32
    /// Nil for a success.
    var code: StatusCode?
    var text: String
    var byteCount: Int

    /// Decodes all frames in `bytes`; what is no response frame throws.
    static func all(in bytes: ByteBuffer) throws -> [Reply] {
        struct NotAResponse: Error {}
        var decoder = FrameDecoder(maxLength: FrameHeader.maxLength)
        decoder.append(bytes)
        var replies: [Reply] = []
        while case .frame(let header, let data) = decoder.next() {
            guard header.type == .response, header.flags == [] else { throw NotAResponse() }
            let envelope = try ResponseEnvelope(decoding: data)
            guard envelope.status == nil || envelope.payload.readableBytes == 0 else {
                throw NotAResponse()
            }
            let text = envelope.status?.message ?? String(buffer: envelope.payload)
            replies.append(
                Reply(
                    streamID: header.streamID,
                    code: envelope.status?.code,
                    text: text,
                    byteCount: data.readableBytes
                )
            )
        }
        guard decoder.progress == .idle else { throw NotAResponse() }
        return replies
    }
}
