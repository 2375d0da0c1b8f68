internal import NIOCore
internal import Text

/// The fields of a message that passed the scan, one after the other, in place.
///
/// What large messages are read by: their bytes become slices of the buffer that they arrived
/// in. Everything is checked again as it is read, which costs little; the scan is what bounds
/// counts and depth.
struct ScannedFields: ~Escapable {
    private let bytes: RawSpan
    private let buffer: ByteBuffer
    private var cursor: ProtoCursor
    private var wireType = ProtoWireType.varint
    /// Where the data of the present field lies.
    private var data = 0..<0

    /// - Parameters:
    ///   - buffer: what is sliced.
    ///   - bytes: the readable bytes of `buffer`.
    ///   - range: the message's part of them.
    @_lifetime(copy bytes)
    init(_ buffer: ByteBuffer, _ bytes: RawSpan, range: Range<Int>) {
        self.bytes = bytes
        self.buffer = buffer
        self.cursor = ProtoCursor(bytes, range: range)
    }

    /// Steps to the next field; its number, nil at the end.
    @_lifetime(self: copy self)
    mutating func next() throws(ProtoFault) -> UInt32? {
        guard !cursor.isAtEnd else { return nil }
        let (number, wireType) = try cursor.readTag()
        self.wireType = wireType
        data = try cursor.skip(wireType)
        return number
    }

    func string() throws(ProtoFault) -> String {
        try expect(.lengthDelimited, wireType)
        return try cursor.string(data)
    }

    func uint64() throws(ProtoFault) -> UInt64 {
        try expect(.varint, wireType)
        var value = ProtoCursor(bytes, range: data)
        return try value.readVarint()
    }

    /// Also for enums; the low half of a longer integer, as protobuf says.
    func int32() throws(ProtoFault) -> Int32 {
        Int32(truncatingIfNeeded: try uint64())
    }

    func uint32() throws(ProtoFault) -> UInt32 {
        UInt32(truncatingIfNeeded: try uint64())
    }

    /// The data of a `bytes` field, sharing the buffer's storage.
    func slice() throws(ProtoFault) -> ByteBuffer {
        try expect(.lengthDelimited, wireType)
        return buffer.subrange(data)
    }

    /// Adds one element, or the elements of a packed field.
    func append(to values: inout [Int64]) throws(ProtoFault) {
        var elements = ProtoCursor(bytes, range: data)
        repeat {
            guard !elements.isAtEnd else { return }
            values.append(Int64(bitPattern: try elements.readVarint()))
        } while wireType == .lengthDelimited
    }

    /// A nested message.
    func message<Message: InPlaceReadable>(_ type: Message.Type) throws(ProtoFault) -> Message {
        try expect(.lengthDelimited, wireType)
        var nested = ScannedFields(buffer, bytes, range: data)
        var message = Message()
        try message.read(&nested)
        return message
    }

    /// Takes in one entry of a `map<string, string>`: the last entry of a key counts.
    func insert(into map: inout [ExactString: ExactString]) throws(ProtoFault) {
        try expect(.lengthDelimited, wireType)
        var entry = ScannedFields(buffer, bytes, range: data)
        var (key, value) = ("", "")
        while let number = try entry.next() {
            switch number {
            case 1: key = try entry.string()
            case 2: value = try entry.string()
            default: break
            }
        }
        map[ExactString(key)] = ExactString(value)
    }
}
