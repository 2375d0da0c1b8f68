/// Reads protobuf's primitives from borrowed bytes, strictly.
///
/// Every read is checked against the end; nothing is allocated. Lengths and positions are in
/// bytes from the start of the span given to `init`, so a caller can slice the buffer that the
/// span came from.
struct ProtoCursor: ~Escapable {
    private let bytes: RawSpan
    private(set) var position: Int
    private let end: Int

    @_lifetime(copy bytes)
    init(_ bytes: RawSpan) {
        self.bytes = bytes
        self.position = 0
        self.end = bytes.byteCount
    }

    /// A cursor over a part, with positions still counted from the start of `bytes`.
    @_lifetime(copy bytes)
    init(_ bytes: RawSpan, range: Range<Int>) {
        precondition(range.upperBound <= bytes.byteCount, "a range ends after its bytes")
        self.bytes = bytes
        self.position = range.lowerBound
        self.end = range.upperBound
    }

    var isAtEnd: Bool { position == end }

    /// An unsigned LEB128 integer of at most ten bytes and 64 bits.
    @_lifetime(self: copy self)
    mutating func readVarint() throws(ProtoFault) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            let byte = try readByte()
            // The tenth byte holds bit 63 alone.
            guard shift < 63 || byte <= 1 else { throw .malformedVarint }
            value |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 { return value }
            shift += 7
        }
    }

    /// A field's number and wire type.
    ///
    /// Tags of more than five bytes are refused even if their value is small: protobuf-c reads
    /// five, and two readings of the same bytes are worse than a refusal.
    @_lifetime(self: copy self)
    mutating func readTag() throws(ProtoFault) -> (number: UInt32, wireType: ProtoWireType) {
        let start = position
        let raw = try readVarint()
        let number = raw >> 3
        guard position - start <= 5, (1...0x1fff_ffff).contains(number) else {
            throw .malformedTag
        }
        let rawType = UInt8(truncatingIfNeeded: raw & 7)
        guard let wireType = ProtoWireType(rawValue: rawType) else {
            throw rawType == 3 || rawType == 4 ? .group : .unknownWireType(rawType)
        }
        return (UInt32(number), wireType)
    }

    /// A length and that many bytes: their range. Length prefixes of more than five bytes are
    /// refused for the same reason as tags.
    @_lifetime(self: copy self)
    mutating func readLengthDelimited() throws(ProtoFault) -> Range<Int> {
        let start = position
        let length = try readVarint()
        guard position - start <= 5 else { throw .malformedVarint }
        guard length <= UInt64(end - position) else { throw .truncated }
        let range = position..<(position + Int(length))
        position = range.upperBound
        return range
    }

    /// Steps over a field of a known wire type; its data's range.
    @_lifetime(self: copy self)
    @discardableResult
    mutating func skip(_ wireType: ProtoWireType) throws(ProtoFault) -> Range<Int> {
        switch wireType {
        case .varint:
            let start = position
            _ = try readVarint()
            return start..<position
        case .fixed64: return try take(8)
        case .fixed32: return try take(4)
        case .lengthDelimited: return try readLengthDelimited()
        }
    }

    /// Checks that a range holds text as protobuf defines it, and no NUL: C strings end there,
    /// so two readers would see two different names.
    func checkText(_ range: Range<Int>) throws(ProtoFault) {
        _ = try text(range)
    }

    /// The text of a range, checked as by ``checkText(_:)``.
    func string(_ range: Range<Int>) throws(ProtoFault) -> String {
        String(copying: try text(range))
    }

    /// A copy of the bytes of a range.
    func copy(_ range: Range<Int>) -> [UInt8] {
        // Safe: bytes of any value are valid as UInt8, and extracting checks the bounds.
        let units = unsafe bytes.extracting(range)._unsafeView(as: UInt8.self)
        return [UInt8](capacity: units.count) { output in
            for index in units.indices {
                output.append(units[index])
            }
        }
    }

    @_lifetime(borrow self)
    private func text(_ range: Range<Int>) throws(ProtoFault) -> UTF8Span {
        // Safe: bytes of any value are valid as UInt8, and extracting checks the bounds.
        let units = unsafe bytes.extracting(range)._unsafeView(as: UInt8.self)
        for index in units.indices where units[index] == 0 {
            throw .containsNUL
        }
        do {
            return try UTF8Span(validating: units)
        } catch {
            throw .invalidUTF8
        }
    }

    @_lifetime(self: copy self)
    private mutating func take(_ count: Int) throws(ProtoFault) -> Range<Int> {
        guard count <= end - position else { throw .truncated }
        defer { position += count }
        return position..<(position + count)
    }

    @_lifetime(self: copy self)
    private mutating func readByte() throws(ProtoFault) -> UInt8 {
        guard position < end else { throw .truncated }
        // Safe: bounds-checked, and every byte is a valid UInt8.
        let byte = unsafe bytes.unsafeLoad(fromByteOffset: position, as: UInt8.self)
        position += 1
        return byte
    }
}

/// Requires a wire type.
func expect(_ expected: ProtoWireType, _ got: ProtoWireType) throws(ProtoFault) {
    guard got == expected else { throw .unexpectedWireType(got: got, expected: expected) }
}
