internal import NIOCore
internal import Text

/// Writes protobuf fields, in the order in which they are asked for.
///
/// It has two modes with the same calls: one writes into memory that is as long as the other has
/// counted. A nested message is described by a closure that runs once in each mode, so its length
/// prefix is exact and nothing is written twice or moved. Scalar fields with the default value are
/// left out, as proto3 says.
@safe struct ProtoWriter {
    /// Where the bytes go; nil: they are only counted.
    private let target: UnsafeMutableRawPointer?
    /// How many fit there.
    private let capacity: Int
    /// Bytes written or counted so far.
    private(set) var byteCount = 0

    /// A writer that counts.
    init() {
        unsafe target = nil
        capacity = 0
    }

    /// A writer into memory that outlives it.
    private init(_ memory: UnsafeMutableRawBufferPointer) {
        unsafe target = memory.baseAddress
        capacity = memory.count
    }

    /// The bytes that fields take.
    static func byteCount(of fields: (inout ProtoWriter) -> Void) -> Int {
        var counter = ProtoWriter()
        fields(&counter)
        return counter.byteCount
    }

    /// Appends fields that take `byteCount` bytes.
    static func append(
        _ byteCount: Int,
        to buffer: inout ByteBuffer,
        fields: (inout ProtoWriter) -> Void
    ) {
        unsafe buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: byteCount) { memory in
            var writer = unsafe ProtoWriter(memory)
            fields(&writer)
            precondition(
                writer.byteCount == byteCount,
                "\(writer.byteCount) bytes written after counting \(byteCount)"
            )
            return byteCount
        }
    }

    private var isCounting: Bool { unsafe target == nil }

    /// Room for so many bytes, which the caller fills; nil if they are only counted.
    private mutating func advance(_ count: Int) -> UnsafeMutableRawBufferPointer? {
        let start = byteCount
        byteCount += count
        guard let target = unsafe target else { return nil }
        precondition(byteCount <= capacity, "\(byteCount) bytes written, \(capacity) counted")
        return unsafe UnsafeMutableRawBufferPointer(start: target + start, count: count)
    }

    mutating func uint64(_ number: UInt32, _ value: UInt64) {
        guard value != 0 else { return }
        uint64EvenIfZero(number, value)
    }

    /// A number where its presence means something: members of a oneof.
    mutating func uint64EvenIfZero(_ number: UInt32, _ value: UInt64) {
        varint(UInt64(number) << 3 | UInt64(ProtoWireType.varint.rawValue))
        varint(value)
    }

    mutating func int64(_ number: UInt32, _ value: Int64) {
        uint64(number, UInt64(bitPattern: value))
    }

    mutating func uint32(_ number: UInt32, _ value: UInt32) {
        uint64(number, UInt64(value))
    }

    /// Also for enums. Negative values take ten bytes, as protobuf says.
    mutating func int32(_ number: UInt32, _ value: Int32) {
        int64(number, Int64(value))
    }

    mutating func bool(_ number: UInt32, _ value: Bool) {
        uint64(number, value ? 1 : 0)
    }

    /// A string; nothing if it is empty.
    mutating func string(_ number: UInt32, _ value: String) {
        guard !value.isEmpty else { return }
        stringEvenIfEmpty(number, value)
    }

    /// A string where its presence means something: elements of lists, members of a oneof.
    mutating func stringEvenIfEmpty(_ number: UInt32, _ value: String) {
        let count = value.utf8.count
        lengthPrefix(number, byteCount: count)
        guard let room = unsafe advance(count) else { return }
        var text = value
        text.withUTF8 { unsafe room.copyMemory(from: UnsafeRawBufferPointer($0)) }
    }

    mutating func bytes(_ number: UInt32, _ value: [UInt8]) {
        guard !value.isEmpty else { return }
        lengthPrefix(number, byteCount: value.count)
        guard let room = unsafe advance(value.count) else { return }
        unsafe room.copyBytes(from: value)
    }

    mutating func bytes(_ number: UInt32, _ value: ByteBuffer) {
        guard value.readableBytes > 0 else { return }
        bytesEvenIfEmpty(number, value)
    }

    mutating func bytesEvenIfEmpty(_ number: UInt32, _ value: ByteBuffer) {
        lengthPrefix(number, byteCount: value.readableBytes)
        guard let room = unsafe advance(value.readableBytes) else { return }
        unsafe value.withUnsafeReadableBytes { unsafe room.copyMemory(from: $0) }
    }

    /// Numbers in the packed form; nothing for an empty list.
    mutating func packed(_ number: UInt32, _ values: [some FixedWidthInteger]) {
        guard !values.isEmpty else { return }
        var count = 0
        for value in values { count += Self.varintByteCount(UInt64(truncatingIfNeeded: value)) }
        lengthPrefix(number, byteCount: count)
        guard !isCounting else {
            byteCount += count
            return
        }
        for value in values { varint(UInt64(truncatingIfNeeded: value)) }
    }

    /// A nested message, present even if it has no fields.
    mutating func message(_ number: UInt32, _ fields: (inout ProtoWriter) -> Void) {
        let count = Self.byteCount(of: fields)
        lengthPrefix(number, byteCount: count)
        guard !isCounting else {
            byteCount += count
            return
        }
        let before = byteCount
        fields(&self)
        precondition(
            byteCount - before == count,
            "field \(number) wrote \(byteCount - before) bytes after counting \(count)"
        )
    }

    /// A nested message; nothing if it is absent.
    mutating func message(_ number: UInt32, _ value: (some EncodableMessage)?) {
        guard let value else { return }
        message(number) { writer in value.write(to: &writer) }
    }

    mutating func messages(_ number: UInt32, _ values: [some EncodableMessage]) {
        for value in values {
            message(number) { value.write(to: &$0) }
        }
    }

    mutating func strings(_ number: UInt32, _ values: [String]) {
        for value in values {
            stringEvenIfEmpty(number, value)
        }
    }

    /// A `map<string, string>`, in the order of the keys' bytes. Both halves of an entry are
    /// written even if they are empty, as other implementations do.
    mutating func map(_ number: UInt32, _ values: [ExactString: ExactString]) {
        let entries = values.sorted { $0.key < $1.key }
        for entry in entries {
            message(number) { writer in
                writer.stringEvenIfEmpty(1, entry.key.text)
                writer.stringEvenIfEmpty(2, entry.value.text)
            }
        }
    }

    /// Bytes from where they lie, without an array in between; nothing if there are none.
    mutating func bytes(_ number: UInt32, lending value: borrowing some LentBytes) {
        let count = value.byteCount
        guard count > 0 else { return }
        lengthPrefix(number, byteCount: count)
        guard let room = unsafe advance(count) else { return }
        value.withBytes { span in
            precondition(
                span.byteCount == count,
                "field \(number) was lent \(span.byteCount) bytes, announced were \(count)"
            )
            unsafe span.withUnsafeBytes { unsafe room.copyMemory(from: $0) }
        }
    }

    /// Tag and length of a field whose bytes the caller writes itself.
    mutating func lengthPrefix(_ number: UInt32, byteCount: Int) {
        varint(UInt64(number) << 3 | UInt64(ProtoWireType.lengthDelimited.rawValue))
        varint(UInt64(byteCount))
    }

    static func lengthPrefixByteCount(_ number: UInt32, byteCount: Int) -> Int {
        varintByteCount(UInt64(number) << 3) + varintByteCount(UInt64(byteCount))
    }

    /// The most bytes of content with which a length-delimited field takes at most `room` bytes; 0
    /// if none fits.
    static func contentByteCount(_ number: UInt32, room: Int) -> Int {
        guard room > 0 else { return 0 }
        let count = room - lengthPrefixByteCount(number, byteCount: room)
        // The prefix of fewer bytes may be shorter.
        let longer = max(0, count + 1)
        let fits = longer + lengthPrefixByteCount(number, byteCount: longer) <= room
        return fits ? longer : max(0, count)
    }

    private mutating func varint(_ value: UInt64) {
        guard let room = unsafe advance(Self.varintByteCount(value)) else { return }
        var rest = value
        let last = room.count - 1
        for index in 0..<last {
            unsafe room[index] = UInt8(truncatingIfNeeded: rest) | 0x80
            rest >>= 7
        }
        unsafe room[last] = UInt8(truncatingIfNeeded: rest)
    }

    private static func varintByteCount(_ value: UInt64) -> Int {
        // Seven bits a byte, and one byte for zero.
        (UInt64.bitWidth - (value | 1).leadingZeroBitCount + 6) / 7
    }
}
