/// A key that wraps other keys in this process, and its id.
struct KeyEncryptionKey: Sendable {
    private static let idLabel = "strongroom/kek/v1"
    private static let wrapLabel = "strongroom/wrap/v1"
    /// The hexadecimal digits of an id.
    static let idDigits = 16

    /// The first 16 hexadecimal digits of SHA-256 of a label and the key.
    let id: String
    private let key: SecretKey

    /// A key-encryption key of these bytes.
    init(_ key: SecretKey) {
        let hasher = SHA256Hasher()
        hasher.update(Array(Self.idLabel.utf8))
        key.withBytes { hasher.update($0) }
        id = Hex.encode(Array(hasher.finalize().prefix(Self.idDigits / 2)))
        self.key = key
    }

    /// Whether `text` has the form of an id.
    static func isID(_ text: String) -> Bool {
        text.utf8.count == idDigits && Hex.decode(text) != nil
    }

    /// Lends the key's bytes to what stores them.
    func withBytes<R, E: Error>(_ body: (RawSpan) throws(E) -> R) throws(E) -> R {
        try key.withBytes(body)
    }

    /// Wraps `secret` with a wrapping key derived over a salt of its own, so that random nonces
    /// never meet under one key.
    func wrap(_ secret: SecretKey, context: WrapContext) throws(SealingError) -> WrappedKey {
        let salt = try RandomBytes.make(count: SealingLimits.saltBytes)
        let nonce = try RandomBytes.make(count: AESGCM.nonceBytes)
        let wrappingKey = try wrappingKey(salt: salt)
        let additional = additional(context)
        let sealed = try secret.withBytes { (secret: RawSpan) throws(SealingError) in
            try AESGCM.seal(secret, key: wrappingKey, nonce: nonce, additional: additional)
        }
        return WrappedKey(
            kekID: id,
            algorithm: WrappedKey.localAlgorithm,
            salt: salt,
            nonce: nonce,
            ciphertext: Array(sealed.prefix(SecretKey.byteCount)),
            tag: Array(sealed.suffix(AESGCM.tagBytes))
        )
    }

    /// Unwraps what this key wrapped for this context.
    ///
    /// - Throws: `format` for an unknown algorithm or wrong sizes, `authentication` if the tag
    ///   does not hold.
    func unwrap(
        _ wrapped: WrappedKey,
        context: WrapContext
    ) throws(SealingError) -> SecretKey {
        guard wrapped.algorithm == WrappedKey.localAlgorithm else {
            throw SealingError(
                .format,
                "the key is wrapped with \(wrapped.algorithm); known is "
                    + WrappedKey.localAlgorithm
            )
        }
        guard wrapped.salt.count == SealingLimits.saltBytes,
            wrapped.nonce.count == AESGCM.nonceBytes,
            wrapped.ciphertext.count == SecretKey.byteCount,
            wrapped.tag.count == AESGCM.tagBytes
        else {
            throw SealingError(
                .format,
                "a wrapped key has salt, nonce, key and tag of 32, 12, 32 and 16 bytes, not "
                    + "\(wrapped.salt.count), \(wrapped.nonce.count), "
                    + "\(wrapped.ciphertext.count) and \(wrapped.tag.count)"
            )
        }
        let wrappingKey = try wrappingKey(salt: wrapped.salt)
        let additional = additional(context)
        let sealed = wrapped.ciphertext + wrapped.tag
        do {
            return try SecretKey { (output: inout MutableRawSpan) throws(SealingError) in
                try AESGCM.open(
                    unsafe sealed.span.bytes,
                    key: wrappingKey,
                    nonce: wrapped.nonce,
                    additional: additional,
                    into: &output
                )
            }
        } catch  where error.code == .authentication {
            throw SealingError(
                .authentication,
                "the wrapped key does not open with key \(id): it was altered, or belongs to "
                    + "another version, model or registry"
            )
        }
    }

    private func wrappingKey(salt: [UInt8]) throws(SealingError) -> SecretKey {
        try SecretKey { (output: inout MutableRawSpan) throws(SealingError) in
            try key.withBytes { (key: RawSpan) throws(SealingError) in
                try KeyDerivation.hkdf(
                    input: key,
                    salt: salt,
                    info: Array(Self.wrapLabel.utf8),
                    into: &output
                )
            }
        }
    }

    private func additional(_ context: WrapContext) -> [UInt8] {
        var fields = FieldBytes()
        fields.append(context.registryID)
        fields.append(context.model)
        fields.append(context.bundleID)
        fields.append(id)
        return fields.bytes
    }
}
