/// Bytes that can be lent: what a tensor's data is to an engine.
///
/// The engine does not say where they lie: a slice of a connection's buffer, a batch gathered from
/// several, or memory of the runtime all serve, and none is copied on the way.
package protocol TensorBytes: Sendable {
    /// How many bytes there are.
    var byteCount: Int { get }

    /// Lends the bytes for the length of a call. They are the same at each call.
    ///
    /// - Parameter body: What reads them; the span must not outlive it.
    /// - Returns: What `body` returns.
    func withBytes<Result>(_ body: (RawSpan) throws -> Result) rethrows -> Result

    /// Lends the bytes part by part, in order, without a copy that joins them.
    ///
    /// - Parameter body: Reads one part; the span must not outlive it.
    func forEachPart(_ body: (RawSpan) throws -> Void) rethrows
}

extension TensorBytes {
    package func forEachPart(_ body: (RawSpan) throws -> Void) rethrows {
        try withBytes(body)
    }

    /// A copy of the bytes.
    package func copied() -> [UInt8] {
        withBytes { span in unsafe span.withUnsafeBytes { bytes in unsafe [UInt8](bytes) } }
    }
}

extension Array: TensorBytes where Element == UInt8 {
    package var byteCount: Int { count }

    package func withBytes<Result>(_ body: (RawSpan) throws -> Result) rethrows -> Result {
        try unsafe withUnsafeBytes { bytes in try body(unsafe bytes.bytes) }
    }
}
