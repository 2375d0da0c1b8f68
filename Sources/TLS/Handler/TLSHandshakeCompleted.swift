/// The user event that ``TLSHandler`` fires, once, when application bytes may flow.
///
/// A TLS 1.3 client gets it before the server has looked at the client's certificate: a refusal
/// arrives later, as an error with code `peerAlert`.
package struct TLSHandshakeCompleted: Sendable, Equatable {
    /// The peer's verified certificate; `nil` for a client that sent none.
    package let peer: PeerCertificate?
    /// The protocol that ALPN settled on; `nil` when the client offered none.
    package let applicationProtocol: String?
    /// The protocol version that both sides speak.
    package let version: TLSVersion
}
