internal import COpenSSL

/// An Ed25519 key (RFC 8032) that signs version records and catalogue heads.
package final class SigningKey: Sendable {
    /// The bytes of a signature.
    package static let signatureBytes = 64

    /// The seed, which is what is stored, wrapped.
    package let seed: SecretKey
    /// What verifies the signatures.
    package let publicKey: VerifyingKey

    private let key: PKey

    /// A new key.
    ///
    /// - Throws: `randomness`, `limit` if no memory can be locked.
    package static func generate() throws(SealingError) -> SigningKey {
        try SigningKey(seed: try SecretKey.random())
    }

    /// The key of a seed.
    ///
    /// - Throws: `internalFailure` if OpenSSL refuses.
    package init(seed: SecretKey) throws(SealingError) {
        let raw = unsafe seed.withBytes { seed in
            unsafe seed.withUnsafeBytes { seed in
                let bytes = unsafe seed.baseAddress?.assumingMemoryBound(to: UInt8.self)
                return unsafe EVP_PKEY_new_raw_private_key_ex(
                    nil,
                    VerifyingKey.algorithm,
                    nil,
                    bytes,
                    seed.count
                )
            }
        }
        guard let made = unsafe PKey(taking: raw) else {
            throw .openSSL(.internalFailure, "Ed25519 is not available")
        }
        publicKey = try VerifyingKey(of: made)
        key = made
        self.seed = seed
    }

    /// The signature over `message`, 64 bytes; the same each time.
    ///
    /// - Throws: `internalFailure` if OpenSSL refuses.
    package func sign(_ message: [UInt8]) throws(SealingError) -> [UInt8] {
        guard let context = SignatureContext() else {
            throw .openSSL(.internalFailure, "no signature context")
        }
        var signature = [UInt8](repeating: 0, count: Self.signatureBytes)
        var count = signature.count
        guard unsafe EVP_DigestSignInit_ex(context.raw, nil, nil, nil, nil, key.raw, nil) == 1,
            unsafe EVP_DigestSign(context.raw, &signature, &count, message, message.count) == 1,
            count == Self.signatureBytes
        else { throw .openSSL(.internalFailure, "Ed25519 failed to sign") }
        return signature
    }
}
