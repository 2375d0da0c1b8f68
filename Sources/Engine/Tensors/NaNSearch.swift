extension TensorBytes {
    /// Whether a tensor of these elements holds a NaN; false for types without one.
    ///
    /// The sign and the payload of a NaN that an operator makes of two depend on the place of the
    /// element in the tensor, so that rows with one may not share a run.
    package func holdsNaN(_ type: ElementType) -> Bool {
        switch type {
        case .fp32: exceeds(infinity: 0x7F80_0000 as UInt32)
        case .fp64: exceeds(infinity: 0x7FF0_0000_0000_0000 as UInt64)
        case .fp16: exceeds(infinity: 0x7C00 as UInt16)
        case .bf16: exceeds(infinity: 0x7F80 as UInt16)
        case .bool, .uint8, .int8, .uint16, .int16, .uint32, .int32, .uint64, .int64, .bytes: false
        }
    }

    /// Whether the bits of an element, without its sign, are above those of infinity.
    private func exceeds<Bits: FixedWidthInteger & UnsignedInteger>(infinity: Bits) -> Bool {
        let width = MemoryLayout<Bits>.size
        return withBytes { bytes in
            unsafe bytes.withUnsafeBytes { memory in
                var largest: Bits = 0
                // Without a branch in it, the loop is compiled to vector instructions.
                for index in 0..<memory.count / width {
                    let bits = unsafe memory.loadUnaligned(
                        fromByteOffset: index * width,
                        as: Bits.self
                    )
                    largest = max(largest, bits & (Bits.max >> 1))
                }
                return largest > infinity
            }
        }
    }
}

extension InputTensor {
    /// Whether it holds a NaN.
    package var holdsNaN: Bool { bytes.holdsNaN(type) }
}

extension OutputTensor {
    /// Whether it holds a NaN.
    package var holdsNaN: Bool { holdsNaN(type) }
}
