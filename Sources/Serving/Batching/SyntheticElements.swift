internal import Engine

/// Generates the elements of tensors in one style: the same ones for the same style.
struct SyntheticElements {
    /// Bytes of the longest string.
    static let longTextBytes = 2_048
    private static let words = ["a", "good", "film", "größer", "ending", "42", "東京", "no"]

    /// One number in so many is special, where a style has special ones.
    static let specialStride = 3
    /// Special numbers.
    static let specialCount = 13
    /// Kinds of integers and of lengths that are taken in turn.
    private static let integerKinds = 4
    private static let lengthKinds = 6

    private let style: SyntheticStyle
    private var state: UInt64
    /// The number of elements of the present tensor so far, from the style's seed on.
    private var turn = 0

    init(_ style: SyntheticStyle) {
        self.style = style
        state = UInt64(style.seed) &* 0x5354_524F_4E47_524D
    }

    /// Elements, encoded as ``ElementType`` says.
    mutating func bytes(_ type: ElementType, count: Int) -> [UInt8] {
        turn = 0
        guard let width = type.byteCount else { return texts(count) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count * width)
        for _ in 0..<count {
            let bits = bits(type)
            turn += 1
            for byte in 0..<width { bytes.append(UInt8(truncatingIfNeeded: bits >> (8 * byte))) }
        }
        return bytes
    }

    /// The bits of a number, in the lowest ones.
    private mutating func bits(_ type: ElementType) -> UInt64 {
        switch type {
        case .bool: next() & 1
        case .uint8, .uint16, .uint32, .uint64: integer(type, isSigned: false)
        case .int8, .int16, .int32, .int64: integer(type, isSigned: true)
        case .fp16: real(exponent: 0x7C00) { UInt64(Float16($0).bitPattern) }
        case .bf16: real(exponent: 0x7F80) { UInt64(Float($0).bitPattern >> 16) }
        case .fp32: real(exponent: 0x7F80_0000) { UInt64(Float($0).bitPattern) }
        case .fp64: real(exponent: 0x7FF0_0000_0000_0000) { $0.bitPattern }
        case .bytes: 0
        }
    }

    private mutating func integer(_ type: ElementType, isSigned: Bool) -> UInt64 {
        guard case .wide = style.integers else {
            guard case .below(let bound) = style.integers else { return 0 }
            return next() % bound
        }
        let least = isSigned ? UInt64(1) << UInt64(8 * (type.byteCount ?? 8) - 1) : 0
        return switch (style.seed + turn) % Self.integerKinds {
        case 0: least
        // The largest: all bits, or all but the sign's.
        case 1: least &- 1
        default: next()
        }
    }

    /// - Parameters:
    ///   - exponent: The type's exponent bits, all set; those below are the significand's.
    ///   - encode: Makes the type's bits of a number.
    private mutating func real(
        exponent: UInt64,
        encode: (Double) -> UInt64
    ) -> UInt64 {
        switch style.reals {
        case .upTo(let bound): return encode(unit() * bound)
        case .special where turn % Self.specialStride == 0:
            return special(style.seed + turn / Self.specialStride, exponent: exponent)
        case .special: return encode(unit())
        case .everyMagnitude:
            let bits = next()
            let isFinite = bits & exponent != exponent
            // Bits of an infinity or a NaN get another exponent.
            return isFinite ? bits : bits & ~Self.lowestBit(of: exponent)
        }
    }

    private func special(_ index: Int, exponent: UInt64) -> UInt64 {
        let sign = (exponent << 1) & ~exponent
        let lowest = Self.lowestBit(of: exponent)
        let infinity = exponent
        let (largest, leastNormal, largestSubnormal) = (exponent - 1, lowest, lowest - 1)
        let patterns = [
            infinity, sign | infinity, sign, 0, largest, sign | largest, leastNormal,
            sign | leastNormal, largestSubnormal, sign | largestSubnormal, 1, sign | 1,
        ]
        return patterns[index % patterns.count]
    }

    private static func lowestBit(of bits: UInt64) -> UInt64 { bits & (0 &- bits) }

    private mutating func texts(_ count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        for _ in 0..<count {
            let text = text()
            turn += 1
            for byte in 0..<BytesElements.prefixBytes {
                bytes.append(UInt8(truncatingIfNeeded: text.count >> (8 * byte)))
            }
            bytes += text
        }
        return bytes
    }

    private mutating func text() -> [UInt8] {
        switch style.texts {
        case .empty: []
        case .words: words(1 + Int(next() % 6))
        case .everyLength:
            switch (style.seed + turn) % Self.lengthKinds {
            case 0: []
            case 1: Array("x".utf8)
            case 2: [UInt8](repeating: UInt8(ascii: "z"), count: Self.longTextBytes)
            default: words(1 + Int(next() % 40))
            }
        }
    }

    private mutating func words(_ count: Int) -> [UInt8] {
        var text = ""
        for index in 0..<count {
            if index > 0 { text += " " }
            text += Self.words[Int(next() % UInt64(Self.words.count))]
        }
        return Array(text.utf8)
    }

    /// SplitMix64.
    private mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }

    /// From -1 to 1.
    private mutating func unit() -> Double {
        Double(Int64(bitPattern: next()) >> 11) / Double(1 << 52)
    }
}
