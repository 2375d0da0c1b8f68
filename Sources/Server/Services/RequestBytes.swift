internal import Engine
internal import NIOCore

/// A tensor's bytes where they lie: a slice of the connection's buffer.
struct RequestBytes: TensorBytes {
    let buffer: ByteBuffer

    var byteCount: Int { buffer.readableBytes }

    func withBytes<Result>(_ body: (RawSpan) throws -> Result) rethrows -> Result {
        try body(buffer.readableBytesSpan)
    }
}
