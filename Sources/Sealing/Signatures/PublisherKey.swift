internal import COpenSSL

/// The public half of a publisher's key: ECDSA on P-256 with SHA-256, or on P-384 with SHA-384.
package struct PublisherKey: Sendable, Equatable {
    /// The curves that bundles are signed on; each has its hash.
    private enum Curve: String, CaseIterable {
        case p256 = "prime256v1"
        case p384 = "secp384r1"

        var digest: String {
            switch self {
            case .p256: "SHA256"
            case .p384: "SHA384"
            }
        }

        /// X and Y, and the byte before them that says that both are there.
        var pointBytes: Int {
            switch self {
            case .p256: 65
            case .p384: 97
            }
        }

        /// What stands before the point: SEQUENCE { SEQUENCE { OID 1.2.840.10045.2.1, OID of the
        /// curve }, BIT STRING } (RFC 5480).
        var prefix: [UInt8] {
            switch self {
            case .p256:
                [
                    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
                    0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
                ]
            case .p384:
                [
                    0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
                    0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22, 0x03, 0x62, 0x00,
                ]
            }
        }
    }

    private static let algorithm = "EC"
    private static let expected = "expected an ECDSA key on P-256 or P-384"
    private static let begin = "-----BEGIN "
    /// Characters of a line of PEM (RFC 7468).
    private static let lineDigits = 64

    private let curve: Curve
    /// The key's one spelling: a SubjectPublicKeyInfo with the whole point, in lines of 64
    /// characters, with the final newline. What the key file says in another way, a compressed
    /// point for instance, is the same key.
    package let pem: String
    /// The SHA-256 of ``pem``, 32 bytes: what a signature names its key by.
    package let fingerprint: [UInt8]

    /// A key from the PEM text of a SubjectPublicKeyInfo (`BEGIN PUBLIC KEY`).
    ///
    /// - Throws: `format` that says what the text is instead: a private key, a certificate, or a
    ///   key of another algorithm or on another curve.
    package init(pem: String) throws(SealingError) {
        try Self.checkLabel(pem)
        let key = try PKey(publicPEM: pem)
        guard unsafe EVP_PKEY_is_a(key.raw, Self.algorithm) == 1 else {
            let name = unsafe EVP_PKEY_get0_type_name(key.raw).map { unsafe String(cString: $0) }
            throw SealingError(
                .format,
                "a public key of the algorithm \(name ?? "that has no name"), \(Self.expected)"
            )
        }
        let curve = try Self.curve(of: key)
        var point = [UInt8](repeating: 0, count: curve.pointBytes)
        var count = 0
        guard
            unsafe EVP_PKEY_get_octet_string_param(
                key.raw,
                // OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY: always the whole point.
                "encoded-pub-key",
                &point,
                point.count,
                &count
            ) == 1, count == point.count
        else { throw .openSSL(.format, "a public key without a point") }
        self.curve = curve
        self.pem = Self.pem(of: curve.prefix + point)
        fingerprint = Digest.sha256(Array(self.pem.utf8))
    }

    /// Whether `signature`, in DER, is this key's over exactly `message`. Verify before parsing.
    package func verify(signature: [UInt8], over message: [UInt8]) -> Bool {
        // A failed check leaves entries that the thread's next reader would take for its own.
        defer { ERR_clear_error() }
        let key: PKey
        do {
            key = try PKey(publicPEM: pem)
        } catch {
            return false
        }
        guard let context = SignatureContext(),
            unsafe EVP_DigestVerifyInit_ex(
                context.raw,
                nil,
                curve.digest,
                nil,
                nil,
                key.raw,
                nil
            ) == 1
        else { return false }
        return unsafe EVP_DigestVerify(
            context.raw,
            signature,
            signature.count,
            message,
            message.count
        ) == 1
    }

    /// OpenSSL would pass over what it does not look for, and say only that it found nothing.
    private static func checkLabel(_ pem: String) throws(SealingError) {
        let labels = pem.split(whereSeparator: \.isNewline).filter { $0.hasPrefix(begin) }
        guard labels.count <= 1 else {
            throw SealingError(.format, "\(labels.count) PEM texts, expected one public key")
        }
        guard let label = labels.first else {
            throw SealingError(.format, "no PEM text, expected '\(begin)PUBLIC KEY-----'")
        }
        guard label == begin + "PUBLIC KEY-----" else {
            // A label is short; a line that is not one is not repeated whole.
            throw SealingError(
                .format,
                "'\(label.prefix(lineDigits))', expected '\(begin)PUBLIC KEY-----'"
            )
        }
    }

    private static func curve(of key: borrowing PKey) throws(SealingError) -> Curve {
        var name = [CChar](repeating: 0, count: 64)
        var count = 0
        guard
            unsafe EVP_PKEY_get_group_name(key.raw, &name, name.count, &count) == 1
        else {
            throw .openSSL(.format, "a public key on a curve without a name, \(expected)")
        }
        let text = String(
            decoding: name.prefix(count).map { UInt8(bitPattern: $0) },
            as: UTF8.self
        )
        guard let curve = Curve(rawValue: text) else {
            throw SealingError(.format, "a public key on the curve \(text), \(expected)")
        }
        return curve
    }

    private static func pem(of der: [UInt8]) -> String {
        // 4 characters for 3 bytes, and the terminator that OpenSSL writes.
        var text = [UInt8](repeating: 0, count: (der.count + 2) / 3 * 4 + 1)
        let count = Int(unsafe EVP_EncodeBlock(&text, der, Int32(der.count)))
        let lines = stride(from: 0, to: count, by: lineDigits).map { start in
            String(decoding: text[start..<min(start + lineDigits, count)], as: UTF8.self)
        }
        return (["\(begin)PUBLIC KEY-----"] + lines + ["-----END PUBLIC KEY-----", ""])
            .joined(separator: "\n")
    }
}
