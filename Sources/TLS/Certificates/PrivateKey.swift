internal import COpenSSL

/// Owns one reference to an `EVP_PKEY` with its private half.
///
/// `@unchecked Sendable`: the key is complete before it is wrapped and never changed after, and
/// OpenSSL's reference count is atomic. OpenSSL cleanses the private half when it frees it.
@safe final class PrivateKey: @unchecked Sendable {
    private let raw: OpaquePointer

    /// Takes over one reference.
    init(adopting raw: OpaquePointer) {
        unsafe self.raw = raw
    }

    deinit {
        unsafe EVP_PKEY_free(raw)
    }

    /// Lends the pointer, for calls that keep a reference of their own or none.
    func withPointer<R>(_ body: (OpaquePointer) throws(TLSError) -> R) throws(TLSError) -> R {
        try unsafe body(raw)
    }

    /// A new P-256 key.
    static func generate() throws(TLSError) -> PrivateKey {
        OpenSSLErrorQueue.clear()
        guard let raw = unsafe shim_EVP_EC_gen("P-256") else {
            throw TLSError(
                .internalFailure,
                "making a P-256 key: \(OpenSSLErrorQueue.drainReason())"
            )
        }
        return unsafe PrivateKey(adopting: raw)
    }

    /// The key as unencrypted PKCS #8 PEM. The caller writes it to a file of mode 0600 and lets
    /// it go; the buffer in between is cleansed, the string cannot be.
    func pem() throws(TLSError) -> String {
        OpenSSLErrorQueue.clear()
        guard let memory = unsafe BIO_new(BIO_s_secmem()) else {
            throw TLSError(.internalFailure, "no memory for a key's text")
        }
        defer { unsafe BIO_free_all(memory) }
        guard unsafe PEM_write_bio_PrivateKey(memory, raw, nil, nil, 0, nil, nil) == 1 else {
            throw TLSError(.internalFailure, "writing a key: \(OpenSSLErrorQueue.drainReason())")
        }
        return unsafe memoryText(memory)
    }
}
