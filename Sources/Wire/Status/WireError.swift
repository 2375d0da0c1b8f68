/// Bytes that are not what the protocol says, or a message that cannot be encoded.
///
/// The message names the place (`Request.method`) and what was wrong with it; it holds nothing
/// of the bytes themselves, so it may be sent to the peer that wrote them.
package struct WireError: Error, Sendable, Equatable {
    package let code: StatusCode
    package let message: String

    package init(_ code: StatusCode, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The same failure as a caller sees it.
    package var status: Status { Status(code, message) }
}

extension WireError: CustomStringConvertible {
    package var description: String { "\(code.name): \(message)" }
}
