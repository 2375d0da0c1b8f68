extension RawSpan {
    /// One byte, checked to be within the span.
    subscript(byteAt offset: Int) -> UInt8 {
        unsafe unsafeLoad(fromByteOffset: offset, as: UInt8.self)
    }
}
