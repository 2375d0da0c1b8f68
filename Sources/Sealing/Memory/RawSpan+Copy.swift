internal import Glibc

extension MutableRawSpan {
    /// Copies all of `source` to `offset`; a range outside this span is a programmer's error.
    mutating func copy(_ source: RawSpan, at offset: Int) {
        let count = source.byteCount
        precondition(
            offset >= 0 && offset <= byteCount && count <= byteCount - offset,
            "copy of \(count) bytes to \(offset) in \(byteCount) bytes"
        )
        guard count > 0 else { return }
        unsafe withUnsafeMutableBytes { target in
            unsafe source.withUnsafeBytes { source in
                guard let to = target.baseAddress, let from = source.baseAddress else { return }
                unsafe memcpy(to + offset, from, count)
            }
        }
    }
}

extension RawSpan {
    /// One byte, checked to be within the span.
    func byte(at offset: Int) -> UInt8 {
        unsafe unsafeLoad(fromByteOffset: offset, as: UInt8.self)
    }

    /// The bytes as an array: for what is public, or for plaintext that its owner asked for.
    package func copyToArray() -> [UInt8] {
        unsafe withUnsafeBytes { unsafe [UInt8]($0) }
    }
}

extension [UInt8] {
    /// Lends the bytes of the array as a span.
    func withRawSpan<R, E: Error>(_ body: (RawSpan) throws(E) -> R) throws(E) -> R {
        try body(unsafe span.bytes)
    }
}
