package import NIOCore

/// CRC-32C (Castagnoli), which guards the chunks of an upload against damage on the way.
///
/// The reflected polynomial 0x82f63b78, start and final value all ones. Eight bytes are taken
/// at a time through eight tables ("slicing by 8"), about eight times as fast as one table.
package enum CRC32C {
    private static let polynomial: UInt32 = 0x82f6_3b78
    private static let entries = 256

    /// Eight tables of 256, one after the other: table `t` holds the checksum register after a
    /// byte and `t` zero bytes.
    private static let tables: [UInt32] = makeTables()

    /// The checksum of some bytes; 0 for none.
    package static func checksum(_ bytes: RawSpan) -> UInt32 {
        let tables = tables.span
        var register = UInt32.max
        var offset = 0
        let wordsEnd = bytes.byteCount & ~7
        while offset < wordsEnd {
            // Safe: bounds-checked, and any eight bytes are a valid integer.
            let loaded = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self)
            let word = UInt64(littleEndian: loaded) ^ UInt64(register)
            register = 0
            for position in 0..<8 {
                let byte = Int(truncatingIfNeeded: word >> UInt64(8 * position)) & 0xff
                // Safe: there are 8 x 256 entries, and the index is at most 7 x 256 + 255.
                register ^= unsafe tables[unchecked: (7 - position) * entries + byte]
            }
            offset += 8
        }
        while offset < bytes.byteCount {
            // Safe: bounds-checked, and every byte is a valid UInt8.
            let byte = unsafe bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
            register = register >> 8 ^ tables[Int((register ^ UInt32(byte)) & 0xff)]
            offset += 1
        }
        return ~register
    }

    /// The checksum of a buffer's readable bytes.
    package static func checksum(_ buffer: ByteBuffer) -> UInt32 {
        checksum(buffer.readableBytesSpan)
    }

    private static func makeTables() -> [UInt32] {
        var tables = [UInt32](repeating: 0, count: 8 * entries)
        for byte in 0..<entries {
            var register = UInt32(byte)
            for _ in 0..<8 {
                register = register >> 1 ^ (register & 1 == 0 ? 0 : polynomial)
            }
            tables[byte] = register
        }
        for index in entries..<tables.count {
            let previous = tables[index - entries]
            tables[index] = previous >> 8 ^ tables[Int(previous & 0xff)]
        }
        return tables
    }
}
