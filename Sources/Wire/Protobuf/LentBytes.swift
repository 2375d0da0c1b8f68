package import NIOCore

/// Bytes that are lent to a closure, so that a message can hold them without copying them and
/// without knowing who owns them.
package protocol LentBytes: Sendable {
    /// How many bytes ``withBytes(_:)`` lends.
    var byteCount: Int { get }

    /// Lends the bytes for the time of the call.
    func withBytes<R>(_ body: (RawSpan) throws -> R) rethrows -> R
}

extension ByteBuffer: LentBytes {
    package var byteCount: Int { readableBytes }

    package func withBytes<R>(_ body: (RawSpan) throws -> R) rethrows -> R {
        try body(readableBytesSpan)
    }
}

extension [UInt8]: LentBytes {
    package var byteCount: Int { count }

    package func withBytes<R>(_ body: (RawSpan) throws -> R) rethrows -> R {
        // Safe: bytes have no padding that could be read uninitialised.
        try body(unsafe span.bytes)
    }
}
