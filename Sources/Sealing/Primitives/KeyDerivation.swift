internal import COpenSSL

/// HKDF-SHA-256 (RFC 5869) and HMAC-SHA-256 (RFC 2104).
enum KeyDerivation {
    /// Derives as many bytes as `output` has (at most 255 digests, by RFC 5869).
    ///
    /// - Throws: `internalFailure` if OpenSSL refuses.
    static func hkdf(
        input: RawSpan,
        salt: [UInt8],
        info: [UInt8],
        into output: inout MutableRawSpan
    ) throws(SealingError) {
        guard let context = unsafe EVP_PKEY_CTX_new_from_name(nil, "HKDF", nil) else {
            throw .openSSL(.internalFailure, "HKDF is not available")
        }
        defer { unsafe EVP_PKEY_CTX_free(context) }
        let wanted = output.byteCount
        var derived = wanted
        let succeeded = unsafe input.withUnsafeBytes { input in
            unsafe output.withUnsafeMutableBytes { output in
                let key = unsafe input.baseAddress?.assumingMemoryBound(to: UInt8.self)
                let target = unsafe output.baseAddress?.assumingMemoryBound(to: UInt8.self)
                guard unsafe EVP_PKEY_derive_init(context) == 1,
                    unsafe EVP_PKEY_CTX_set_hkdf_md(context, Algorithms.sha256.raw) == 1,
                    unsafe EVP_PKEY_CTX_set1_hkdf_salt(context, salt, Int32(salt.count)) == 1,
                    unsafe EVP_PKEY_CTX_set1_hkdf_key(context, key, Int32(input.count)) == 1,
                    unsafe EVP_PKEY_CTX_add1_hkdf_info(context, info, Int32(info.count)) == 1
                else { return false }
                return unsafe EVP_PKEY_derive(context, target, &derived) == 1
            }
        }
        guard succeeded, derived == wanted else { throw .openSSL(.internalFailure, "HKDF failed") }
    }

    /// Derives with scrypt (RFC 7914).
    ///
    /// - Throws: `limit` if there is no memory for it, or OpenSSL refuses the parameters.
    static func scrypt(
        passphrase: RawSpan,
        salt: [UInt8],
        cost: UInt64,
        blockSize: UInt64,
        parallelisation: UInt64,
        into output: inout MutableRawSpan
    ) throws(SealingError) {
        // What the algorithm takes, and a little for OpenSSL; its own limit is too low for this.
        let memory = 128 * blockSize * (cost + parallelisation + 2) + 1 << 20
        let succeeded = unsafe passphrase.withUnsafeBytes { passphrase in
            unsafe output.withUnsafeMutableBytes { output in
                let text = unsafe passphrase.baseAddress?.assumingMemoryBound(to: CChar.self)
                let target = unsafe output.baseAddress?.assumingMemoryBound(to: UInt8.self)
                return unsafe EVP_PBE_scrypt(
                    text,
                    passphrase.count,
                    salt,
                    salt.count,
                    cost,
                    blockSize,
                    parallelisation,
                    memory,
                    target,
                    output.count
                ) == 1
            }
        }
        guard succeeded else { throw .openSSL(.limit, "scrypt failed") }
    }

    /// The HMAC-SHA-256 of `message`.
    ///
    /// - Throws: `internalFailure` if OpenSSL refuses.
    static func hmac(key: RawSpan, message: [UInt8]) throws(SealingError) -> [UInt8] {
        var mac = [UInt8](repeating: 0, count: Digest.byteCount)
        let succeeded = unsafe key.withUnsafeBytes { key in
            unsafe HMAC(
                Algorithms.sha256.raw,
                key.baseAddress,
                Int32(key.count),
                message,
                message.count,
                &mac,
                nil
            ) != nil
        }
        guard succeeded else { throw .openSSL(.internalFailure, "HMAC failed") }
        return mac
    }
}
