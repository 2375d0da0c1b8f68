import NIOCore
import Testing

@testable import Wire

@Suite("CRC-32C")
struct CRC32CTests {
    /// RFC 3720, section B.4, and the check value of the catalogues of CRC algorithms.
    static let vectors: [(bytes: [UInt8], checksum: UInt32)] = [
        ([], 0),
        (Array("123456789".utf8), 0xe306_9283),
        ([UInt8](repeating: 0, count: 32), 0x8a91_36aa),
        ([UInt8](repeating: 0xff, count: 32), 0x62a8_ab43),
        (Array(0...31), 0x46dd_794e),
        ((0...31).reversed(), 0x113f_db5c),
    ]

    @Test("published values", arguments: vectors)
    func published(bytes: [UInt8], checksum: UInt32) {
        #expect(CRC32C.checksum(ByteBuffer(bytes: bytes)) == checksum)
    }

    @Test("any length at any alignment gives what the definition gives")
    func definition() {
        var random = SeededGenerator()
        let bytes = (0..<200).map { _ in UInt8.random(in: 0...255, using: &random) }
        let buffer = ByteBuffer(bytes: bytes)
        for start in 0..<9 {
            for end in start...bytes.count {
                var register = UInt32.max
                for byte in bytes[start..<end] {
                    register ^= UInt32(byte)
                    for _ in 0..<8 {
                        register = register >> 1 ^ (register & 1 == 0 ? 0 : 0x82f6_3b78)
                    }
                }
                let slice = buffer.getSlice(at: start, length: end - start) ?? ByteBuffer()
                #expect(CRC32C.checksum(slice) == ~register, "seed \(random.seed)")
            }
        }
    }
}
