internal import COpenSSL

/// Owns one reference to an `X509_CRL`.
@safe final class RevocationList {
    private let raw: OpaquePointer

    /// Takes over one reference.
    init(adopting raw: OpaquePointer) {
        unsafe self.raw = raw
    }

    deinit {
        unsafe X509_CRL_free(raw)
    }

    /// Adds the list to an `X509_STORE`, which takes a reference of its own.
    func add(toStore store: OpaquePointer?) throws(TLSError) -> Bool {
        unsafe X509_STORE_add_crl(store, raw) == 1
    }
}
