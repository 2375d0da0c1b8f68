/// Which side of a handshake this is.
package enum TLSRole: Sendable, Equatable {
    /// Answers handshakes.
    case server
    /// Starts them. The server's certificate must name `hostname`, which is a DNS name or an IP
    /// address in text form (no brackets); a DNS name is sent as SNI too.
    case client(hostname: String)
}
