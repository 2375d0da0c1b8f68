import NIOCore
import Testing

@testable import Wire

@Suite("Messages against another implementation")
struct MessageVectorTests {
    @Test("there is a case for every message, and a message for every case")
    func complete() {
        #expect(Set(VectorCase.messages.map(\.message)) == Set(MessageCatalogue.all.keys))
    }

    @Test("a message decodes, and encodes to the same bytes", arguments: VectorCase.messages)
    func recode(vector: VectorCase) throws {
        let entry = try #require(MessageCatalogue.all[vector.message])
        #expect(try entry.recode(vector.bytes) == vector.canonicalBytes)
        #expect(try entry.recode(vector.bytes.displaced) == vector.canonicalBytes)
    }

    @Test("every truncation decodes or is refused, and what decodes is stable")
    func truncations() throws {
        for vector in VectorCase.messages where vector.case == "full" {
            let entry = try #require(MessageCatalogue.all[vector.message])
            let bytes = vector.bytes
            for length in 0..<bytes.readableBytes {
                let part = try #require(bytes.getSlice(at: 0, length: length))
                try expectStable(entry, ByteBuffer(bytes: part.array), "\(vector), \(length)")
            }
        }
    }

    @Test("every flipped byte decodes or is refused, and what decodes is stable")
    func flips() throws {
        for vector in VectorCase.messages where vector.case == "full" {
            let entry = try #require(MessageCatalogue.all[vector.message])
            let bytes = vector.bytes.array
            for index in bytes.indices {
                for mask: UInt8 in [1 << UInt8(index % 7), 0x80] {
                    var flipped = bytes
                    flipped[index] ^= mask
                    try expectStable(
                        entry,
                        ByteBuffer(bytes: flipped),
                        "\(vector), \(index) ^ \(mask)"
                    )
                }
            }
        }
    }

    /// Refused with a status for bad input, or decoded to a value that survives encoding.
    private func expectStable(
        _ entry: MessageCatalogue.Entry,
        _ bytes: ByteBuffer,
        _ place: @autoclosure () -> String
    ) throws {
        do {
            let once = try entry.recode(bytes)
            if try entry.recode(once) != once || !entry.areEqual(bytes, once) {
                Issue.record("not stable: \(place())")
            }
        } catch let error as WireError {
            if error.code != .invalidArgument || error.message.isEmpty {
                Issue.record("\(error) at \(place())")
            }
        }
    }
}
