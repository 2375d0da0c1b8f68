extension [UInt8] {
    /// Lends the array's bytes as a raw span.
    func withRawBytes<R, E: Error>(_ body: (RawSpan) throws(E) -> R) throws(E) -> R {
        let elements = span
        return try body(unsafe elements.bytes)
    }

    /// Lends the array's bytes for writing.
    mutating func withMutableRawBytes<R, E: Error>(
        _ body: (inout MutableRawSpan) throws(E) -> R
    ) throws(E) -> R {
        var elements = mutableSpan
        var bytes = unsafe elements.mutableBytes
        return try body(&bytes)
    }
}
