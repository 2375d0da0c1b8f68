package import NIOCore
package import Text

/// The data of a request frame: which method, with what, until when.
///
///     message Request {
///       string service = 1;  string method = 2;  bytes payload = 3;
///       int64 timeout_nano = 4;  repeated KeyValue metadata = 5;
///     }
///
/// It is read in place: names and payload are slices of the frame. Fields may come in any
/// order, the last of a repeated scalar counts, and fields of other numbers are skipped, which
/// is how the protocol grows.
package struct RequestEnvelope: Sendable {
    /// The service's full name, for instance `strongroom.v1.Prediction`: valid UTF-8, no NUL.
    package var service: ByteBuffer
    /// The method's bare name: valid UTF-8, no NUL.
    package var method: ByteBuffer
    /// The method's message. Nil if the field is absent, which for a stream means no message.
    package var payload: ByteBuffer?
    /// Nanoseconds from receipt; 0: no deadline; negative: already past.
    package var timeoutNano: Int64
    /// Keys as sent, lower-cased; a key may occur more than once, in the order sent.
    package var metadata: [(key: ExactString, value: String)]

    package init(
        service: String,
        method: String,
        payload: ByteBuffer?,
        timeoutNano: Int64 = 0,
        metadata: [(key: ExactString, value: String)] = []
    ) {
        self.service = ByteBuffer(string: service)
        self.method = ByteBuffer(string: method)
        self.payload = payload
        self.timeoutNano = timeoutNano
        self.metadata = metadata
    }

    /// Reads an envelope from all readable bytes.
    ///
    /// - Throws: `invalidArgument` for bytes that are no envelope or hold more than the limits.
    package init(
        decoding buffer: ByteBuffer,
        limits: EnvelopeLimits = EnvelopeLimits()
    ) throws(WireError) {
        service = ByteBuffer()
        method = ByteBuffer()
        payload = nil
        timeoutNano = 0
        metadata = []
        var place = "Request"
        do throws(ProtoFault) {
            try decode(buffer, limits, &place)
        } catch {
            throw WireError(.invalidArgument, "\(place): \(error)")
        }
    }

    private mutating func decode(
        _ buffer: ByteBuffer,
        _ limits: EnvelopeLimits,
        _ place: inout String
    ) throws(ProtoFault) {
        let bytes = buffer.readableBytesSpan
        var cursor = ProtoCursor(bytes)
        var metadataBytes = 0
        while !cursor.isAtEnd {
            let (number, wireType) = try cursor.readTag()
            switch number {
            case 1:
                place = "Request.service"
                service = try Self.name(&cursor, wireType, of: buffer, limits)
            case 2:
                place = "Request.method"
                method = try Self.name(&cursor, wireType, of: buffer, limits)
            case 3:
                place = "Request.payload"
                try expect(.lengthDelimited, wireType)
                payload = buffer.subrange(try cursor.readLengthDelimited())
            case 4:
                place = "Request.timeout_nano"
                try expect(.varint, wireType)
                timeoutNano = Int64(bitPattern: try cursor.readVarint())
            case 5:
                place = "Request.metadata"
                try expect(.lengthDelimited, wireType)
                let range = try cursor.readLengthDelimited()
                metadataBytes += range.count
                guard metadataBytes <= limits.maxMetadataBytes else {
                    throw .tooManyBytes(limit: limits.maxMetadataBytes)
                }
                guard metadata.count < limits.maxMetadataPairs else {
                    throw .tooManyElements(limit: limits.maxMetadataPairs)
                }
                metadata.append(try Self.pair(bytes, range))
            default:
                try cursor.skip(wireType)
            }
            place = "Request"
        }
    }

    /// One of the two names.
    private static func name(
        _ cursor: inout ProtoCursor,
        _ wireType: ProtoWireType,
        of buffer: ByteBuffer,
        _ limits: EnvelopeLimits
    ) throws(ProtoFault) -> ByteBuffer {
        try expect(.lengthDelimited, wireType)
        let range = try cursor.readLengthDelimited()
        guard range.count <= limits.maxNameBytes else {
            throw .tooManyBytes(limit: limits.maxNameBytes)
        }
        try cursor.checkText(range)
        return buffer.subrange(range)
    }

    /// `message KeyValue { string key = 1; string value = 2; }`
    private static func pair(
        _ bytes: RawSpan,
        _ range: Range<Int>
    ) throws(ProtoFault) -> (key: ExactString, value: String) {
        var pair: (key: ExactString, value: String) = ("", "")
        var cursor = ProtoCursor(bytes, range: range)
        while !cursor.isAtEnd {
            let (number, wireType) = try cursor.readTag()
            switch number {
            case 1:
                try expect(.lengthDelimited, wireType)
                pair.key = ExactString(
                    asciiLowercased: try cursor.string(try cursor.readLengthDelimited())
                )
            case 2:
                try expect(.lengthDelimited, wireType)
                pair.value = try cursor.string(try cursor.readLengthDelimited())
            default:
                try cursor.skip(wireType)
            }
        }
        return pair
    }

    /// The most bytes of payload with which this envelope, in the place of its own payload, has at
    /// most `byteCount`.
    package func payloadBytes(inFrameOf byteCount: Int) -> Int {
        var rest = self
        rest.payload = nil
        var buffer = ByteBuffer()
        rest.encode(into: &buffer)
        return ProtoWriter.contentByteCount(3, room: byteCount - buffer.readableBytes)
    }

    /// Appends the envelope, fields in the order of their numbers.
    package func encode(into buffer: inout ByteBuffer) {
        buffer.append { writer in
            writer.bytes(1, service)
            writer.bytes(2, method)
            if let payload {
                writer.bytesEvenIfEmpty(3, payload)
            }
            writer.int64(4, timeoutNano)
            for pair in metadata {
                writer.message(5) { entry in
                    entry.string(1, pair.key.text)
                    entry.string(2, pair.value)
                }
            }
        }
    }
}
