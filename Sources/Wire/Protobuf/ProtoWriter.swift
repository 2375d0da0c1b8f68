internal import NIOCore

/// Writes protobuf fields, in the order in which they are asked for.
///
/// It has two modes with the same calls: one appends to a buffer, the other only counts. A
/// nested message is described by a closure that runs once in each mode, so its length prefix
/// is exact and nothing is written twice or moved. Scalar fields with the default value are
/// left out, as proto3 says.
struct ProtoWriter {
    private var output: ByteBuffer?
    /// Bytes written or counted so far.
    private(set) var byteCount = 0

    /// A writer that counts.
    init() {
        output = nil
    }

    /// Takes the buffer over until ``finish(into:)``, so that appending never copies it.
    init(appendingTo buffer: inout ByteBuffer) {
        output = buffer
        buffer = ByteBuffer()
    }

    /// Hands the buffer back.
    consuming func finish(into buffer: inout ByteBuffer) {
        guard let output else {
            preconditionFailure("a counting writer has no buffer to hand back")
        }
        buffer = output
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
        byteCount += count
        output?.writeString(value)
    }

    mutating func bytes(_ number: UInt32, _ value: [UInt8]) {
        guard !value.isEmpty else { return }
        lengthPrefix(number, byteCount: value.count)
        byteCount += value.count
        output?.writeBytes(value)
    }

    mutating func bytes(_ number: UInt32, _ value: ByteBuffer) {
        guard value.readableBytes > 0 else { return }
        bytesEvenIfEmpty(number, value)
    }

    mutating func bytesEvenIfEmpty(_ number: UInt32, _ value: ByteBuffer) {
        lengthPrefix(number, byteCount: value.readableBytes)
        byteCount += value.readableBytes
        output?.writeImmutableBuffer(value)
    }

    /// Numbers in the packed form; nothing for an empty list.
    mutating func packed(_ number: UInt32, _ values: [UInt64]) {
        guard !values.isEmpty else { return }
        lengthPrefix(number, byteCount: values.reduce(0) { $0 + Self.varintByteCount($1) })
        for value in values {
            varint(value)
        }
    }

    mutating func packed(_ number: UInt32, _ values: [Int64]) {
        packed(number, values.map { UInt64(bitPattern: $0) })
    }

    /// A nested message, present even if it has no fields.
    mutating func message(_ number: UInt32, _ fields: (inout ProtoWriter) -> Void) {
        var counter = ProtoWriter()
        fields(&counter)
        lengthPrefix(number, byteCount: counter.byteCount)
        guard output != nil else {
            byteCount += counter.byteCount
            return
        }
        let before = byteCount
        fields(&self)
        precondition(
            byteCount - before == counter.byteCount,
            "field \(number) wrote \(byteCount - before) bytes after counting \(counter.byteCount)"
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
    mutating func map(_ number: UInt32, _ values: [String: String]) {
        let entries = values.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
        for entry in entries {
            message(number) { writer in
                writer.stringEvenIfEmpty(1, entry.key)
                writer.stringEvenIfEmpty(2, entry.value)
            }
        }
    }

    /// Bytes from where they lie, without an array in between; nothing if there are none.
    mutating func bytes(_ number: UInt32, lending value: borrowing some LentBytes) {
        let count = value.byteCount
        guard count > 0 else { return }
        lengthPrefix(number, byteCount: count)
        byteCount += count
        guard output != nil else { return }
        value.withBytes { span in
            precondition(
                span.byteCount == count,
                "field \(number) was lent \(span.byteCount) bytes, announced were \(count)"
            )
            output?.writeBytes(span)
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

    private mutating func varint(_ value: UInt64) {
        byteCount += Self.varintByteCount(value)
        guard output != nil else { return }
        var rest = value
        while rest >= 0x80 {
            output?.writeInteger(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        output?.writeInteger(UInt8(rest))
    }

    private static func varintByteCount(_ value: UInt64) -> Int {
        // Seven bits a byte, and one byte for zero.
        (UInt64.bitWidth - (value | 1).leadingZeroBitCount + 6) / 7
    }
}
