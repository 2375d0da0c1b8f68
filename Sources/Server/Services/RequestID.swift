internal import Registry
internal import Wire

/// The id that joins a request with its reply, its cancellation and later feedback.
enum RequestID {
    static let maxBytes = 128

    /// The caller's id, checked.
    /// - Throws: `invalidArgument` when it is not 1 to 128 printable ASCII characters.
    static func check(_ id: String) throws(Status) {
        guard (1...maxBytes).contains(id.utf8.count),
            id.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
        else {
            throw Status(
                .invalidArgument,
                "'request_id' must be 1 to \(maxBytes) printable ASCII characters without spaces"
            )
        }
    }

    /// A UUIDv7 (RFC 9562, section 5.7): ids made later sort later.
    static func make() -> String {
        var generator = SystemRandomNumberGenerator()
        let milliseconds = UInt64(WallClock.system.nowUnixMs)
        let random = generator.next()
        let high = milliseconds << 16 | 0x7000 | random >> 52
        let low = 0x8000_0000_0000_0000 | generator.next() >> 2
        let digits = hex(high) + hex(low)
        let cuts = [0..<8, 8..<12, 12..<16, 16..<20, 20..<32]
        return cuts.map { String(digits.dropFirst($0.lowerBound).prefix($0.count)) }
            .joined(separator: "-")
    }

    private static func hex(_ value: UInt64) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
