package import Engine
package import NIOCore

/// A tensor's bytes where they lie: a slice of the connection's buffer.
package struct RequestBytes: TensorBytes {
    let buffer: ByteBuffer

    package var byteCount: Int { buffer.readableBytes }

    package func withBytes<Result>(_ body: (RawSpan) throws -> Result) rethrows -> Result {
        try body(buffer.readableBytesSpan)
    }
}
