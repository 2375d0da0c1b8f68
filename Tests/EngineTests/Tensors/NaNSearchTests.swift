import Engine
import Testing
import Text

@Suite("The search for NaN")
struct NaNSearchTests {
    /// The bits of a NaN, the least that is one, and of infinity, by type.
    private static let types: [(ElementType, nan: UInt64, infinity: UInt64)] = [
        (.fp32, 0x7F80_0001, 0x7F80_0000), (.fp64, 0x7FF0_0000_0000_0001, 0x7FF0_0000_0000_0000),
        (.fp16, 0x7C01, 0x7C00), (.bf16, 0x7F81, 0x7F80),
    ]

    private static func tensor(_ type: ElementType, _ elements: [UInt64]) -> InputTensor {
        let width = type.byteCount ?? 0
        let bytes = elements.flatMap { bits in
            (0..<width).map { UInt8(truncatingIfNeeded: bits >> UInt64(8 * $0)) }
        }
        return InputTensor(name: "x", type: type, shape: [Int64(elements.count)], bytes: bytes)
    }

    @Test("a NaN of either sign is found at each place", arguments: types)
    func finds(type: ElementType, nan: UInt64, infinity: UInt64) {
        let sign = UInt64(1) << UInt64(8 * (type.byteCount ?? 0) - 1)
        for bits in [nan, nan | sign] {
            for place in 0..<70 {
                var elements = [UInt64](repeating: 0, count: 70)
                elements[place] = bits
                #expect(Self.tensor(type, elements).holdsNaN)
            }
        }
    }

    @Test("infinities, zeros and large numbers are none", arguments: types)
    func others(type: ElementType, nan: UInt64, infinity: UInt64) {
        let sign = UInt64(1) << UInt64(8 * (type.byteCount ?? 0) - 1)
        let elements = [infinity, infinity | sign, 0, sign, infinity - 1]
        #expect(!Self.tensor(type, elements).holdsNaN)
        #expect(!Self.tensor(type, []).holdsNaN)
    }

    @Test("types without a NaN hold none")
    func integers() {
        let types = ElementType.allCases.filter { type in
            !Self.types.contains { $0.0 == type } && type != .bytes
        }
        for type in types {
            #expect(!Self.tensor(type, [.max, .max]).holdsNaN)
        }
    }
}
