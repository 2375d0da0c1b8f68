/// The search for NaN in the elements of a tensor.
///
/// The sign and the payload of a NaN that an operator makes of two depend on the place of the
/// element in the tensor, so that rows with one may not share a run.
enum NaNSearch {
    /// Whether elements of the type hold a NaN; false for types without one.
    static func finds(in bytes: RawSpan, _ type: ElementType) -> Bool {
        unsafe bytes.withUnsafeBytes { memory in
            switch type {
            case .fp32: unsafe exceeds(memory, infinity: 0x7F80_0000 as UInt32)
            case .fp64: unsafe exceeds(memory, infinity: 0x7FF0_0000_0000_0000 as UInt64)
            case .fp16: unsafe exceeds(memory, infinity: 0x7C00 as UInt16)
            case .bf16: unsafe exceeds(memory, infinity: 0x7F80 as UInt16)
            default: false
            }
        }
    }

    /// Whether the bits of an element, without its sign, are above those of infinity.
    @inline(__always)
    private static func exceeds<Bits: FixedWidthInteger & UnsignedInteger>(
        _ memory: UnsafeRawBufferPointer,
        infinity: Bits
    ) -> Bool {
        let width = MemoryLayout<Bits>.size
        var largest: Bits = 0
        // Without a branch in it, the loop is compiled to vector instructions.
        for index in 0..<memory.count / width {
            let bits = unsafe memory.loadUnaligned(fromByteOffset: index * width, as: Bits.self)
            largest = max(largest, bits & (Bits.max >> 1))
        }
        return largest > infinity
    }
}

extension InputTensor {
    /// Whether it holds a NaN.
    package var holdsNaN: Bool {
        type.isFloatingPoint && bytes.withBytes { NaNSearch.finds(in: $0, type) }
    }
}

extension OutputTensor {
    /// Whether it holds a NaN.
    package var holdsNaN: Bool {
        type.isFloatingPoint && withBytes { NaNSearch.finds(in: $0, type) }
    }
}

extension ElementType {
    fileprivate var isFloatingPoint: Bool {
        switch self {
        case .fp16, .bf16, .fp32, .fp64: true
        default: false
        }
    }
}
