internal import COpenSSL

/// The lowest protocol version that a context accepts; the highest is always TLS 1.3.
package enum TLSVersion: Sendable, Equatable {
    /// TLS 1.2, with ECDHE key exchange and AEAD ciphers only.
    case v1_2
    /// TLS 1.3, the default.
    case v1_3

    var openSSLValue: Int32 {
        switch self {
        case .v1_2: TLS1_2_VERSION
        case .v1_3: TLS1_3_VERSION
        }
    }
}
