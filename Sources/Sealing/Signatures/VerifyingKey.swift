internal import COpenSSL

/// The public half of an Ed25519 key.
package struct VerifyingKey: Sendable, Equatable {
    /// The bytes of a public key.
    package static let byteCount = 32
    /// OpenSSL's name of the algorithm.
    static let algorithm = "ED25519"

    /// The key as RFC 8032 encodes it, 32 bytes.
    package let raw: [UInt8]

    /// A key of 32 bytes as RFC 8032 encodes it.
    ///
    /// - Throws: `format` for another size.
    package init(raw: [UInt8]) throws(SealingError) {
        guard raw.count == Self.byteCount else {
            throw SealingError(
                .format,
                "an Ed25519 public key has \(Self.byteCount) bytes, not \(raw.count)"
            )
        }
        self.raw = raw
    }

    /// A key from the PEM text of a SubjectPublicKeyInfo (`BEGIN PUBLIC KEY`).
    ///
    /// - Throws: `format` for any other text, or for a key of another algorithm.
    package init(pem: String) throws(SealingError) {
        let key = try PKey(publicPEM: pem)
        guard unsafe EVP_PKEY_is_a(key.raw, Self.algorithm) == 1 else {
            throw SealingError(.format, "a public key of another algorithm than Ed25519")
        }
        try self.init(of: key)
    }

    /// The public half of a key that OpenSSL holds.
    init(of key: borrowing PKey) throws(SealingError) {
        var raw = [UInt8](repeating: 0, count: Self.byteCount)
        var count = raw.count
        guard unsafe EVP_PKEY_get_raw_public_key(key.raw, &raw, &count) == 1,
            count == Self.byteCount
        else { throw .openSSL(.internalFailure, "no Ed25519 public key") }
        self.raw = raw
    }

    /// The PEM text of the key as a SubjectPublicKeyInfo (RFC 8410), with its final newline.
    package var pem: String {
        // The encoding is fixed for this algorithm: SEQUENCE { SEQUENCE { OID 1.3.101.112 },
        // BIT STRING }.
        let prefix: [UInt8] = [
            0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
        ]
        let der = prefix + raw
        // 44 bytes give 60 characters and the terminator that OpenSSL writes.
        var text = [UInt8](repeating: 0, count: (der.count + 2) / 3 * 4 + 1)
        let count = unsafe EVP_EncodeBlock(&text, der, Int32(der.count))
        let line = String(decoding: text.prefix(Int(count)), as: UTF8.self)
        return "-----BEGIN PUBLIC KEY-----\n\(line)\n-----END PUBLIC KEY-----\n"
    }

    /// Whether `signature` is this key's over exactly `message`. Verify before parsing.
    package func verify(signature: [UInt8], over message: [UInt8]) -> Bool {
        guard signature.count == SigningKey.signatureBytes,
            let key = unsafe PKey(
                taking: EVP_PKEY_new_raw_public_key_ex(
                    nil,
                    Self.algorithm,
                    nil,
                    raw,
                    raw.count
                )
            ),
            let context = SignatureContext(),
            unsafe EVP_DigestVerifyInit_ex(context.raw, nil, nil, nil, nil, key.raw, nil) == 1
        else {
            ERR_clear_error()
            return false
        }
        let holds =
            unsafe EVP_DigestVerify(
                context.raw,
                signature,
                signature.count,
                message,
                message.count
            ) == 1
        // A failed check leaves entries that the thread's next reader would take for its own.
        ERR_clear_error()
        return holds
    }
}
