/// What went wrong in TLS: in a file that was to be loaded, in a handshake, or on a connection.
///
/// Messages are for the operator's log: they may name a path, never key bytes. Two errors are
/// equal when their codes are.
package struct TLSError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The kinds of failure that a caller can tell apart.
    package enum Code: Sendable, Hashable {
        /// A file is missing, unreadable, too large or not PEM.
        case file
        /// A file's owner or mode is refused: others may read a key, or write what is trusted.
        case permissions
        /// A certificate, a chain or a request for one is not acceptable.
        case certificate
        /// A private key is encrypted, malformed or belongs to another certificate.
        case key
        /// A certificate's time is past, or has not come.
        case expired
        /// The two sides could not agree: version, cipher, ALPN, or bytes that are not TLS.
        case handshakeFailed
        /// The peer did not finish its handshake in time.
        case handshakeTimeout
        /// The peer's certificate did not pass: unknown authority, expired, wrong name.
        case untrustedPeer
        /// The peer ended the connection with a fatal alert.
        case peerAlert
        /// The connection ended without a close_notify: bytes may be missing.
        case truncated
        /// The peer asked for more key updates than any honest peer needs.
        case flood
        /// A record that is not what TLS allows there.
        case protocolViolation
        /// A call into OpenSSL failed that fails only for want of memory or through a defect.
        case internalFailure
    }

    /// The kind of failure.
    package let code: Code
    /// What was wrong and what was expected, for the operator's log.
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package static func == (left: TLSError, right: TLSError) -> Bool {
        left.code == right.code
    }

    package var description: String { "\(code): \(message)" }
}
