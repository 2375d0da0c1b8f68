/// The user events that a server's ``TLSHandler`` fires during a handshake.
package enum TLSHandshakeProgress: Sendable, Equatable {
    /// The first bytes of the connection came, and wait for a turn.
    case received
    /// The handler begins to work on the first bytes of the connection.
    case began
    /// A whole message of the peer was answered, and its next one is awaited.
    case answered
}
