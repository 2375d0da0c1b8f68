/// The payload of an ``FrameKind/area`` frame: the lane and the number of the area, 4 bytes each,
/// big endian.
struct AreaNotice {
    let lane: Int
    let number: UInt32
}

/// The payload of a ``FrameKind/terminate`` frame: the lane and the number of the run, 4 bytes
/// each, big endian.
struct TerminateNotice {
    let lane: Int
    let run: UInt32
}

extension AreaNotice {
    var payload: [UInt8] { NumberPair.encode(UInt32(lane), number) }

    /// nil: the payload is none.
    init?(_ payload: [UInt8]) {
        guard let pair = NumberPair.decode(payload) else { return nil }
        self.init(lane: Int(pair.0), number: pair.1)
    }
}

extension TerminateNotice {
    var payload: [UInt8] { NumberPair.encode(UInt32(lane), run) }

    /// nil: the payload is none.
    init?(_ payload: [UInt8]) {
        guard let pair = NumberPair.decode(payload) else { return nil }
        self.init(lane: Int(pair.0), run: pair.1)
    }
}

/// Two numbers of 4 bytes, big endian.
private enum NumberPair {
    static func encode(_ first: UInt32, _ second: UInt32) -> [UInt8] {
        [first, second].flatMap { number in
            stride(from: UInt32(24), through: 0, by: -8).map { shift in
                UInt8(truncatingIfNeeded: number >> shift)
            }
        }
    }

    static func decode(_ bytes: [UInt8]) -> (UInt32, UInt32)? {
        guard bytes.count == 8 else { return nil }
        let numbers = [bytes[..<4], bytes[4...]].map {
            $0.reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        }
        return (numbers[0], numbers[1])
    }
}
