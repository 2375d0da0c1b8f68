/// Reads the fields of one protobuf message, one after another, without building anything.
///
/// It holds a position and not the bytes: those are lent to each call. Only lengths, tags and
/// numbers are read. Bytes that another protobuf parser might read differently are refused.
struct ProtobufFields {
    /// One field.
    enum Field {
        /// A variable-length integer.
        case number(UInt32, UInt64)
        /// Text, bytes, a message, or packed numbers: the place of the content.
        case content(UInt32, Range<Int>)
        /// A little-endian number of four bytes.
        case fixed32(UInt32, UInt32)
        /// A little-endian number of eight bytes.
        case fixed64(UInt32, UInt64)
        /// A group, which no model has: its content is not read.
        case group(UInt32)

        /// The field's number.
        var number: UInt32 {
            switch self {
            case .number(let number, _), .content(let number, _), .fixed32(let number, _),
                .fixed64(let number, _), .group(let number):
                number
            }
        }
    }

    /// The position of the next field.
    private(set) var offset: Int
    private let end: Int

    /// Reads the message that lies there. The range must be within the bytes of each call.
    init(_ range: Range<Int>) {
        offset = range.lowerBound
        end = range.upperBound
    }

    /// The next field; nil at the end.
    ///
    /// - Throws: `invalidModel` if this is no protobuf message.
    mutating func next(in bytes: RawSpan) throws(EngineError) -> Field? {
        guard offset < end else { return nil }
        let (number, wireType) = try tag(in: bytes)
        switch wireType {
        case 0: return .number(number, try varint(in: bytes))
        case 1: return .fixed64(number, try fixed(8, in: bytes))
        case 2: return .content(number, try content(in: bytes))
        case 3:
            try skipGroup(number, in: bytes)
            return .group(number)
        case 5: return .fixed32(number, UInt32(truncatingIfNeeded: try fixed(4, in: bytes)))
        default: throw Self.malformed("a field of an unknown kind")
        }
    }

    /// The next of the numbers of so many bytes each that lie there, little-endian; nil at the end.
    ///
    /// - Throws: `invalidModel` if the last one is cut short.
    mutating func nextFixed(_ count: Int, in bytes: RawSpan) throws(EngineError) -> UInt64? {
        offset < end ? try fixed(count, in: bytes) : nil
    }

    /// The next of the numbers that are packed there; nil at the end.
    ///
    /// - Throws: `invalidModel` if these are none.
    mutating func nextPacked(in bytes: RawSpan) throws(EngineError) -> UInt64? {
        offset < end ? try varint(in: bytes) : nil
    }

    private mutating func tag(in bytes: RawSpan) throws(EngineError) -> (UInt32, UInt8) {
        let tag = try varint(in: bytes)
        guard tag <= UInt64(UInt32.max), tag >> 3 != 0 else {
            throw Self.malformed("a field without a valid number")
        }
        return (UInt32(tag >> 3), UInt8(tag & 7))
    }

    private mutating func varint(in bytes: RawSpan) throws(EngineError) -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 70, by: 7) {
            guard offset < end else { throw Self.cutShort }
            let byte = bytes[byteAt: offset]
            offset += 1
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
        }
        throw Self.malformed("a number of more than ten bytes")
    }

    private mutating func content(in bytes: RawSpan) throws(EngineError) -> Range<Int> {
        let length = try varint(in: bytes)
        guard length <= UInt64(end - offset) else { throw Self.cutShort }
        let start = offset
        offset += Int(length)
        return start..<offset
    }

    private mutating func fixed(_ count: Int, in bytes: RawSpan) throws(EngineError) -> UInt64 {
        let start = offset
        try skip(count)
        var value: UInt64 = 0
        for place in (start..<offset).reversed() {
            value = value << 8 | UInt64(bytes[byteAt: place])
        }
        return value
    }

    private mutating func skip(_ count: Int) throws(EngineError) {
        guard count <= end - offset else { throw Self.cutShort }
        offset += count
    }

    private mutating func skipGroup(_ number: UInt32, in bytes: RawSpan) throws(EngineError) {
        var open = [number]
        while let innermost = open.last {
            guard open.count <= EngineLimits.maxModelDepth else {
                throw Self.malformed("groups nested too deeply")
            }
            let (number, wireType) = try tag(in: bytes)
            switch wireType {
            case 0: _ = try varint(in: bytes)
            case 1: try skip(8)
            case 2: _ = try content(in: bytes)
            case 3: open.append(number)
            case 4 where number == innermost: open.removeLast()
            case 5: try skip(4)
            default: throw Self.malformed("a group that does not end as it began")
            }
        }
    }

    /// Calls `body` for each field of a message that has a content, one after another.
    static func forEachContent(
        in range: Range<Int>,
        of bytes: RawSpan,
        _ body: (UInt32, Range<Int>) throws(EngineError) -> Void
    ) throws(EngineError) {
        var fields = ProtobufFields(range)
        while let field = try fields.next(in: bytes) {
            guard case .content(let number, let content) = field else { continue }
            try body(number, content)
        }
    }

    private static let cutShort = malformed("a field reaches past the end, it may be cut short")

    private static func malformed(_ what: String) -> EngineError {
        EngineError(.invalidModel, "the file is not an ONNX model: \(what)")
    }
}
