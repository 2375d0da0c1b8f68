package import NIOCore

/// Every limit of this target. Each is tested at its value and past it, or is a plain size.
package enum TLSLimits {
    /// The longest that a handshake may take, from connect to the last Finished.
    package static let handshakeTimeout = TimeAmount.seconds(5)
    /// How long a closing side waits for the peer's close_notify once its own has been sent.
    package static let closeTimeout = TimeAmount.seconds(2)
    /// How long a closing side waits for the bytes before its close_notify to leave.
    package static let closeWriteTimeout = TimeAmount.seconds(30)
    /// Key updates accepted from a peer in one ``keyUpdateWindow``. TLS 1.3 needs one in about
    /// 2^24 records; each costs us two key derivations, and an answer if the peer asks for one.
    package static let maxKeyUpdates = 32
    /// The time after which the count of key updates starts again.
    package static let keyUpdateWindow = TimeAmount.seconds(60)
    /// Records that are sent under one key. AES-GCM stays safe for 2^24.5 of full size (RFC 8446,
    /// section 5.5), OpenSSL 3.0 does not count them, and connections live for weeks.
    package static let maxRecordsPerKey = 1 << 23
    /// The largest certificate message that a peer may send.
    package static let maxCertificateListBytes = 32 * 1024
    /// Records that are decrypted before the other channels of the loop get their turn. A peer may
    /// put one byte into each.
    package static let maxRecordsPerTurn = 128
    /// Certificates above the peer's own, the root included.
    package static let maxChainDepth = 3
    /// Certificates, or revocation lists, in one file.
    package static let maxItemsPerFile = 64
    /// The largest certificate or key file that is read.
    package static let maxFileBytes = 1024 * 1024
    /// A buffer larger than this is given back rather than kept for the next use: each of 20,000
    /// idle connections may keep two.
    package static let maxKeptBufferBytes = 4 * 1024
    /// A write of at least this size is encrypted where it lies; smaller ones are first put
    /// together, because a record of its own costs more than the copy.
    package static let directWriteBytes = 16 * 1024
    /// The longest name that a certificate is issued for, and the longest DNS name.
    package static let maxNameBytes = 253
    /// Names in one certificate.
    package static let maxNamesPerCertificate = 100
}
