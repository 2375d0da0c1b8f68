/// Sealed tokens: small values that callers hold, cannot read and cannot change.
///
/// A token is a salt of 32 bytes, a nonce of 12, the ciphertext and its tag of 16 (AES-256-GCM).
/// Each token has a key of its own: HKDF-SHA-256 over its salt, with the label as info. Random
/// nonces therefore never meet under one key, however many tokens are made. All tokens of one
/// payload size have the same size.
package struct TokenSealer: Sendable {
    /// The bytes of a token besides its payload's.
    package static let overheadBytes =
        SealingLimits.saltBytes + AESGCM.nonceBytes + AESGCM.tagBytes

    private let key: SecretKey
    private let label: [UInt8]

    /// A sealer of the tokens of one kind.
    ///
    /// - Parameters:
    ///   - key: The key from which the keys of tokens are derived.
    ///   - label: The kind of token; a token of another kind does not open.
    package init(key: SecretKey, label: String) {
        self.key = key
        self.label = Array(label.utf8)
    }

    /// A token of `payload`.
    ///
    /// - Parameter fields: The values that the token is bound to: it opens with the same alone.
    /// - Throws: `randomness`, `limit` or `internalFailure` if the system or OpenSSL fails.
    package func seal(
        _ payload: [UInt8],
        boundTo fields: [[UInt8]]
    ) throws(SealingError) -> [UInt8] {
        let salt = try RandomBytes.make(count: SealingLimits.saltBytes)
        let nonce = try RandomBytes.make(count: AESGCM.nonceBytes)
        let sealed = try AESGCM.seal(
            unsafe payload.span.bytes,
            key: try tokenKey(salt),
            nonce: nonce,
            additional: Self.additional(fields)
        )
        return salt + nonce + sealed
    }

    /// The payload of a token.
    ///
    /// - Throws: `format` for a token that is shorter than any, `authentication` for one that was
    ///   altered, or made for other fields, of another kind or with another key.
    package func open(
        _ token: [UInt8],
        boundTo fields: [[UInt8]]
    ) throws(SealingError) -> [UInt8] {
        let payloadBytes = token.count - Self.overheadBytes
        guard payloadBytes >= 0 else {
            throw SealingError(
                .format,
                "a token has \(Self.overheadBytes) bytes or more, not \(token.count)"
            )
        }
        let (salt, rest) = (token.prefix(SealingLimits.saltBytes), SealingLimits.saltBytes...)
        let nonce = token[rest].prefix(AESGCM.nonceBytes)
        let sealed = Array(token[nonce.endIndex...])
        var payload = [UInt8](repeating: 0, count: payloadBytes)
        var span = payload.mutableSpan
        var output = unsafe span.mutableBytes
        try AESGCM.open(
            unsafe sealed.span.bytes,
            key: try tokenKey(Array(salt)),
            nonce: Array(nonce),
            additional: Self.additional(fields),
            into: &output
        )
        return payload
    }

    private func tokenKey(_ salt: [UInt8]) throws(SealingError) -> SecretKey {
        try SecretKey { (output: inout MutableRawSpan) throws(SealingError) in
            try key.withBytes { (key: RawSpan) throws(SealingError) in
                try KeyDerivation.hkdf(input: key, salt: salt, info: label, into: &output)
            }
        }
    }

    private static func additional(_ fields: [[UInt8]]) -> [UInt8] {
        var bytes = FieldBytes()
        for field in fields { bytes.append(field) }
        return bytes.bytes
    }
}
