package import NIOCore

/// A message that is ready to be written, once, to where it leaves from.
package protocol OutgoingMessage: Sendable {
    /// Bytes that ``append(to:)`` appends.
    var byteCount: Int { get }

    /// Appends the encoded message.
    func append(to buffer: inout ByteBuffer)
}
