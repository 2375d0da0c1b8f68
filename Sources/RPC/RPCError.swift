/// What is wrong with how a server or a connection was set up: for the operator, never for a peer.
///
/// What a caller sees is a `Status`. Two errors are equal when their codes are.
package struct RPCError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The kinds of failure that a caller can tell apart.
    package enum Code: Sendable, Hashable {
        /// Two methods have the same service and name, or a name is empty or too long.
        case invalidMethod
        /// A limit is outside the range in which the protocol works.
        case invalidLimit
        /// The server is draining and takes no new listener.
        case draining
        /// The connection ended before it was ready.
        case connectionFailed
    }

    /// The kind of failure.
    package let code: Code
    /// What was wrong and what was expected.
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package static func == (left: RPCError, right: RPCError) -> Bool {
        left.code == right.code
    }

    package var description: String { message }
}
