package import NIOCore

/// A message of the protocol, as a Swift value.
package protocol WireMessage: Sendable {
    /// Reads a message from all readable bytes.
    ///
    /// Unknown fields are dropped, unknown values of enums are kept as numbers.
    ///
    /// - Throws: ``WireError`` with `invalidArgument` for bytes that are no such message (the
    ///   text names message and field), or `resourceExhausted`.
    init(decoding buffer: ByteBuffer) throws(WireError)

    /// Appends the message, fields in the order of their numbers, maps sorted by key: equal
    /// messages have equal bytes.
    func encode(into buffer: inout ByteBuffer)
}

/// The messages of version 1 of the protocol, one Swift type for each in `Proto/strongroom/v1`,
/// with the same names.
package enum V1 {}
