internal import Registry
internal import Sealing
internal import Synchronization
internal import Text
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
                "'request_id' is \(quoted(id)), expected 1 to \(maxBytes) printable ASCII "
                    + "characters without spaces"
            )
        }
    }

    /// A UUIDv7 (RFC 9562, section 5.7): ids made later sort later.
    static func make() -> String {
        let (first, second) = random.withLock { $0.next() }
        let milliseconds = UInt64(clamping: WallClock.system.nowUnixMs)
        let high = milliseconds << 16 | 0x7000 | first >> 52
        let low = 0x8000_0000_0000_0000 | second >> 2
        return unsafe String(unsafeUninitializedCapacity: 36) { target in
            var place = 0
            for index in 0..<32 {
                if index == 8 || index == 12 || index == 16 || index == 20 {
                    unsafe target[place] = UInt8(ascii: "-")
                    place += 1
                }
                let word = index < 16 ? high : low
                let nibble = UInt8(truncatingIfNeeded: word >> UInt64(60 - index % 16 * 4)) & 0xF
                unsafe target[place] = nibble < 10 ? 0x30 + nibble : 0x57 + nibble
                place += 1
            }
            return place
        }
    }

    private static let random = Mutex(RandomWords())
}

/// Random numbers, made many at a time: a call of the generator costs more than an id.
private struct RandomWords {
    private static let count = 512
    private var words: [UInt64] = []

    mutating func next() -> (UInt64, UInt64) {
        if words.isEmpty { words = Self.make() }
        return (words.removeLast(), words.removeLast())
    }

    private static func make() -> [UInt64] {
        let size = MemoryLayout<UInt64>.size
        guard let bytes = try? RandomBytes.make(count: count * size) else {
            // The system's own, a system call each.
            var generator = SystemRandomNumberGenerator()
            return [generator.next(), generator.next()]
        }
        return stride(from: 0, to: bytes.count, by: size).map { start in
            bytes[start..<start + size].reduce(0) { $0 << 8 | UInt64($1) }
        }
    }
}
