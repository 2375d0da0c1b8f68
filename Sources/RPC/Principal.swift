package import TLS

/// Who makes a call, as the transport proves it.
///
/// A principal comes from the connection and never from a message: from the client certificate of
/// a TLS connection, or from the kernel's word on the peer of a unix socket.
package enum Principal: Sendable, Hashable {
    /// No client certificate, or one that does not carry exactly one valid name.
    case anonymous
    /// The NAME of the client certificate's one SAN URI `strongroom:NAME`.
    case certificate(String)
    /// The user id of the process at the other end of a unix socket.
    case user(UInt32)

    /// The principal as access rules and logs write it: `cert:NAME`, `uid:N` or `anonymous`.
    package var text: String {
        switch self {
        case .anonymous: "anonymous"
        case .certificate(let name): "cert:\(name)"
        case .user(let uid): "uid:\(uid)"
        }
    }

    /// Reads the principal from a verified client certificate, nil for a client that sent none.
    ///
    /// A certificate without one clear name is `anonymous`: what it would be taken for is a
    /// guess, and a guess here would be a grant.
    package init(_ peer: PeerCertificate?) {
        guard let name = peer?.clientName, CertificateAuthority.isClientName(name) else {
            self = .anonymous
            return
        }
        self = .certificate(name)
    }
}
