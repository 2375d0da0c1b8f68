package import NIOCore

/// Every limit that concerns HTTP connections, with its default.
///
/// How many there are, and how long a handshake takes, is limited with all connections.
package struct HTTPLimits: Sendable, Equatable {
    /// Characters of a target that a log line holds.
    static let maxLoggedTarget = 128

    /// A request's target and header fields together; one more is answered 431.
    package var maxHeadBytes = 16 << 10
    /// Header fields of a request; one more is answered 431.
    package var maxHeaderFields = 100
    /// A request's target; one more is answered 414.
    package var maxTargetBytes = 2_048
    /// A request's body; one more is answered 413. No resource takes a body.
    package var maxBodyBytes = 0
    /// Requests of a connection that wait or are being answered; one more is answered 429.
    package var maxOutstanding = 16
    /// Requests of a connection, which is closed with the answer of the last.
    package var maxRequests = 10_000
    /// Longest wait for the whole of a connection's first request.
    package var requestTimeout = TimeAmount.seconds(10)
    /// Longest wait for the whole of the next one, from the answer before it.
    package var idleTimeout = TimeAmount.seconds(60)
    /// Longest time in which a peer may take an answer.
    package var writeTimeout = TimeAmount.seconds(30)

    package init() {}
}
