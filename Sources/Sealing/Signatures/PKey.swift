internal import COpenSSL

/// One `EVP_PKEY`, freed with its owner. OpenSSL only reads it in what is done here.
@safe struct PKey: ~Copyable, @unchecked Sendable {
    /// The `EVP_PKEY`.
    let raw: OpaquePointer

    /// Takes over a key that OpenSSL has made; nil if it made none.
    init?(taking raw: OpaquePointer?) {
        guard let raw = unsafe raw else { return nil }
        unsafe self.raw = raw
    }

    deinit { unsafe EVP_PKEY_free(raw) }
}

/// One `EVP_MD_CTX` for one signature or verification, freed with its owner.
@safe struct SignatureContext: ~Copyable {
    /// The `EVP_MD_CTX`.
    let raw: OpaquePointer

    /// A context, or nil without memory.
    init?() {
        guard let raw = unsafe EVP_MD_CTX_new() else { return nil }
        unsafe self.raw = raw
    }

    deinit { unsafe EVP_MD_CTX_free(raw) }
}
