/// Messages between a process and its child: 4 bytes of length, then as many bytes. Gathers them
/// from what comes in pieces.
package struct ProcessMessages {
    /// The bytes of one message, inclusive: a record with its paths, and a card.
    package static let maxBytes = 8 << 20
    static let lengthBytes = 4

    private var bytes: [UInt8] = []

    /// Holds nothing yet.
    package init() {}

    /// What goes over the stream for a message.
    package static func encoded(_ message: [UInt8]) -> [UInt8] {
        let count = UInt32(message.count)
        return (0..<4).map { UInt8(truncatingIfNeeded: count >> (24 - 8 * $0)) } + message
    }

    /// Adds what came.
    /// - Throws: `limit` if a message is longer than ``maxBytes``; nothing that follows is read.
    package mutating func append(_ more: [UInt8]) throws(SealingError) {
        bytes += more
        guard length ?? 0 <= Self.maxBytes else {
            throw SealingError(
                .limit,
                "a message of \(length ?? 0) bytes, at most \(Self.maxBytes) are taken"
            )
        }
    }

    /// Takes a message out that is whole; nil: there is none.
    package mutating func next() -> [UInt8]? {
        guard let length, missingBytes == 0 else { return nil }
        let end = Self.lengthBytes + length
        defer { bytes.removeFirst(end) }
        return Array(bytes[Self.lengthBytes..<end])
    }

    /// How many bytes the first message lacks, its length known.
    var missingBytes: Int { max(0, Self.lengthBytes + (length ?? 0) - bytes.count) }

    private var length: Int? {
        guard bytes.count >= Self.lengthBytes else { return nil }
        return bytes.prefix(Self.lengthBytes).reduce(0) { $0 << 8 | Int($1) }
    }
}
