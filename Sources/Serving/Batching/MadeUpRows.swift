internal import Engine

/// Requests made from a signature, for a bundle that brings none: rows of different sizes and
/// values, since equal rows could not show that they see each other.
enum MadeUpRows {
    /// What the free dimensions after the first are tried with.
    private static let freeDimension: Int64 = 2
    /// Bytes that the inputs of one request may take.
    private static let maxBytes = 1 << 20
    private static let words = ["a good film", "bad", "one of the finest endings in years", "x y"]

    /// Up to `count` requests, of 1, 2, 3 ... rows; none if they would be too large.
    static func requests(_ count: Int, for signature: ModelSignature) -> [[InputTensor]] {
        var generator = Generator()
        return (1...count).compactMap { request(rows: $0, for: signature, &generator) }
    }

    private static func request(
        rows: Int,
        for signature: ModelSignature,
        _ generator: inout Generator
    ) -> [InputTensor]? {
        var inputs: [InputTensor] = []
        var left = maxBytes
        for spec in signature.inputs {
            var shape = spec.shape.map { $0 < 0 ? freeDimension : $0 }
            // A scalar has no rows, and a fixed first dimension is what it is.
            if spec.shape.first == -1 { shape[0] = Int64(rows) }
            guard let count = TensorShape.elementCount(shape) else { return nil }
            left -= count * (spec.type.byteCount ?? WarmUp.bytesElementBytes)
            guard left >= 0 else { return nil }
            // Each row a size larger: a scale that is taken over all of them shows.
            let bytes = (0..<count).flatMap { index in
                element(spec.type, size: index / max(count / rows, 1) + rows, &generator)
            }
            inputs.append(
                InputTensor(name: spec.name, type: spec.type, shape: shape, bytes: bytes)
            )
        }
        return inputs
    }

    private static func element(
        _ type: ElementType,
        size: Int,
        _ generator: inout Generator
    ) -> [UInt8] {
        let real = generator.real() * Double(size * size)
        switch type {
        case .bool: return [UInt8(truncatingIfNeeded: generator.next() & 1)]
        // Small: most models take integers for indexes.
        case .uint8, .int8, .uint16, .int16, .uint32, .int32, .uint64, .int64:
            let value = UInt64(generator.next() & 3)
            return bytes(of: value, count: type.byteCount ?? 8)
        case .fp16: return bytes(of: UInt64(Float16(real).bitPattern), count: 2)
        case .bf16: return bytes(of: UInt64(Float(real).bitPattern >> 16), count: 2)
        case .fp32: return bytes(of: UInt64(Float(real).bitPattern), count: 4)
        case .fp64: return bytes(of: real.bitPattern, count: 8)
        case .bytes:
            let word = Array(words[Int(generator.next() % UInt64(words.count))].utf8)
            return bytes(of: UInt64(word.count), count: BytesElements.prefixBytes) + word
        }
    }

    private static func bytes(of value: UInt64, count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) }
    }

    /// SplitMix64: the same rows at every load.
    private struct Generator {
        private var state: UInt64 = 0x5354_524F_4E47

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var mixed = state
            mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
            return mixed ^ mixed >> 31
        }

        /// From -1 to 1.
        mutating func real() -> Double {
            Double(Int64(bitPattern: next()) >> 11) / Double(1 << 52)
        }
    }
}
