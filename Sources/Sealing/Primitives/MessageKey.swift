/// A key for HMAC-SHA-256 over messages of one purpose, derived from another key by HKDF-SHA-256.
package struct MessageKey: Sendable {
    private let key: SecretKey

    /// Derives the key.
    ///
    /// - Parameters:
    ///   - secret: The key that it is derived from.
    ///   - salt: Binds it to an object.
    ///   - info: Binds it to a purpose.
    /// - Throws: `internalFailure` if OpenSSL refuses; `limit` if no memory can be locked.
    package init(from secret: SecretKey, salt: [UInt8], info: String) throws(SealingError) {
        key = try SecretKey { (output: inout MutableRawSpan) throws(SealingError) in
            try secret.withBytes { (input: RawSpan) throws(SealingError) in
                try KeyDerivation.hkdf(
                    input: input,
                    salt: salt,
                    info: Array(info.utf8),
                    into: &output
                )
            }
        }
    }

    /// The code of a message, 32 bytes.
    ///
    /// - Throws: `internalFailure` if OpenSSL refuses.
    package func code(of message: [UInt8]) throws(SealingError) -> [UInt8] {
        try key.withBytes { (key: RawSpan) throws(SealingError) in
            try KeyDerivation.hmac(key: key, message: message)
        }
    }

    /// Whether a code is that of a message; compared in constant time.
    ///
    /// - Throws: `internalFailure` if OpenSSL refuses.
    package func verifies(_ code: [UInt8], of message: [UInt8]) throws(SealingError) -> Bool {
        ConstantTime.equal(code, try self.code(of: message))
    }
}
