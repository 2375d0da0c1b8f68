package import NIOCore

/// The data of a response frame: a message, or why there is none.
///
///     message Response { Status status = 1;  bytes payload = 2; }
///
/// Success leaves `status` out, as the reference implementation does: success with an empty
/// message is an empty frame. A failure carries no payload, since clients exist that decode the
/// payload before they look at the status.
package struct ResponseEnvelope: Sendable {
    /// The failure; nil for success.
    package var status: Status?
    /// The method's message; empty with a failure.
    package var payload: ByteBuffer

    package init(payload: ByteBuffer) {
        self.status = nil
        self.payload = payload
    }

    package init(failure status: Status) {
        self.status = status
        self.payload = ByteBuffer()
    }

    /// Reads an envelope from all readable bytes; the payload is a slice of them.
    ///
    /// A present status of code 0 is success. A code that gRPC does not define is read as
    /// `unknown`: no failure is ever read as success.
    ///
    /// - Throws: `invalidArgument` for bytes that are no envelope or hold more than the limits.
    package init(
        decoding buffer: ByteBuffer,
        limits: EnvelopeLimits = EnvelopeLimits()
    ) throws(WireError) {
        status = nil
        payload = ByteBuffer()
        var place = "Response"
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
        var hasStatus = false
        while !cursor.isAtEnd {
            let (number, wireType) = try cursor.readTag()
            switch number {
            case 1:
                place = "Response.status"
                try expect(.lengthDelimited, wireType)
                guard !hasStatus else { throw .repeatedOnce }
                hasStatus = true
                status = try Status(bytes, try cursor.readLengthDelimited(), limits)
            case 2:
                place = "Response.payload"
                try expect(.lengthDelimited, wireType)
                payload = buffer.subrange(try cursor.readLengthDelimited())
            default:
                try cursor.skip(wireType)
            }
            place = "Response"
        }
    }

    /// Appends the envelope.
    package func encode(into buffer: inout ByteBuffer) {
        if let status {
            status.encodeFailure(into: &buffer)
        } else {
            Self.writeSuccessPrefix(payloadByteCount: payload.readableBytes, into: &buffer)
            buffer.writeImmutableBuffer(payload)
        }
    }

    /// Appends what comes before a success's payload, for senders that write the payload
    /// itself from where it lies. Nothing for an empty payload.
    package static func writeSuccessPrefix(payloadByteCount: Int, into buffer: inout ByteBuffer) {
        guard payloadByteCount > 0 else { return }
        let count = successPrefixByteCount(payloadByteCount: payloadByteCount)
        ProtoWriter.append(count, to: &buffer) { writer in
            writer.lengthPrefix(2, byteCount: payloadByteCount)
        }
    }

    /// The most bytes of payload with which a success has at most `byteCount`.
    package static func payloadBytes(inFrameOf byteCount: Int) -> Int {
        ProtoWriter.contentByteCount(2, room: byteCount)
    }

    /// Bytes that ``writeSuccessPrefix(payloadByteCount:into:)`` appends.
    package static func successPrefixByteCount(payloadByteCount: Int) -> Int {
        guard payloadByteCount > 0 else { return 0 }
        return ProtoWriter.lengthPrefixByteCount(2, byteCount: payloadByteCount)
    }
}

extension Status {
    /// `message Status { int32 code = 1; string message = 2; repeated Any details = 3; }`;
    /// nil for code 0.
    fileprivate init?(
        _ bytes: RawSpan,
        _ range: Range<Int>,
        _ limits: EnvelopeLimits
    ) throws(ProtoFault) {
        var code: Int32 = 0
        self.init(.ok, "")
        var cursor = ProtoCursor(bytes, range: range)
        while !cursor.isAtEnd {
            let (number, wireType) = try cursor.readTag()
            switch number {
            case 1:
                try expect(.varint, wireType)
                code = Int32(truncatingIfNeeded: try cursor.readVarint())
            case 2:
                try expect(.lengthDelimited, wireType)
                message = try cursor.string(try cursor.readLengthDelimited())
            case 3:
                try expect(.lengthDelimited, wireType)
                guard details.count < limits.maxStatusDetails else {
                    throw .tooManyElements(limit: limits.maxStatusDetails)
                }
                details.append(try StatusDetail(bytes, try cursor.readLengthDelimited()))
            default:
                try cursor.skip(wireType)
            }
        }
        guard code != 0 else { return nil }
        self.code = StatusCode(rawValue: code) ?? .unknown
    }

    /// A response that carries this status and no payload.
    fileprivate func encodeFailure(into buffer: inout ByteBuffer) {
        // A failure with code OK would be read as a success without an answer.
        let code = self.code == .ok ? StatusCode.unknown : self.code
        buffer.append { writer in
            writer.message(1) { status in
                status.int32(1, code.rawValue)
                status.string(2, message)
                for detail in details {
                    status.message(3) { any in
                        any.string(1, detail.typeURL)
                        any.bytes(2, detail.value)
                    }
                }
            }
        }
    }
}

extension StatusDetail {
    /// `message Any { string type_url = 1; bytes value = 2; }`
    fileprivate init(_ bytes: RawSpan, _ range: Range<Int>) throws(ProtoFault) {
        self.init(typeURL: "", value: [])
        var cursor = ProtoCursor(bytes, range: range)
        while !cursor.isAtEnd {
            let (number, wireType) = try cursor.readTag()
            switch number {
            case 1:
                try expect(.lengthDelimited, wireType)
                typeURL = try cursor.string(try cursor.readLengthDelimited())
            case 2:
                try expect(.lengthDelimited, wireType)
                value = cursor.copy(try cursor.readLengthDelimited())
            default:
                try cursor.skip(wireType)
            }
        }
    }
}
