internal import COpenSSL
internal import Glibc

/// Owns one reference to an `X509`.
///
/// `@unchecked Sendable`: the certificate is complete before it is wrapped and never changed
/// after, and OpenSSL's reference count is atomic.
@safe final class Certificate: @unchecked Sendable {
    private let raw: OpaquePointer

    /// Takes over one reference.
    init(adopting raw: OpaquePointer) {
        unsafe self.raw = raw
    }

    deinit {
        unsafe X509_free(raw)
    }

    /// Lends the pointer, for calls that keep a reference of their own or none.
    func withPointer<R>(_ body: (OpaquePointer) throws(TLSError) -> R) throws(TLSError) -> R {
        try unsafe body(raw)
    }

    /// The subject in RFC 2253 form.
    var subject: String {
        unsafe X509_get_subject_name(raw).map { unsafe nameText($0) } ?? ""
    }

    /// The last second of validity, in seconds since 1970.
    var notAfterUnix: Int64 {
        unsafe unixSeconds(X509_get0_notAfter(raw)) ?? 0
    }

    /// The first second of validity, in seconds since 1970.
    var notBeforeUnix: Int64 {
        unsafe unixSeconds(X509_get0_notBefore(raw)) ?? .max
    }

    /// SHA-256 of the certificate in DER.
    var sha256: [UInt8] {
        var digest = [UInt8](repeating: 0, count: 32)
        var count: UInt32 = 0
        let ok = unsafe digest.withUnsafeMutableBufferPointer { buffer in
            unsafe X509_digest(raw, EVP_sha256(), buffer.baseAddress, &count)
        }
        precondition(ok == 1 && count == 32, "SHA-256 of a certificate gave \(count) bytes")
        return digest
    }

    /// The certificate in PEM, final newline included.
    func pem() throws(TLSError) -> String {
        guard let memory = unsafe BIO_new(BIO_s_mem()) else {
            throw TLSError(.internalFailure, "no memory for a certificate's text")
        }
        defer { unsafe BIO_free_all(memory) }
        guard unsafe PEM_write_bio_X509(memory, raw) == 1 else {
            throw TLSError(.internalFailure, "writing a certificate: \(drained())")
        }
        return unsafe memoryText(memory)
    }

    /// Refuses a certificate whose time is past or has not come.
    ///
    /// - Parameter what: names the certificate in the error: a path, mostly.
    func checkValidity(at nowUnix: Int64, what: String) throws(TLSError) {
        guard nowUnix <= notAfterUnix else {
            throw TLSError(.expired, "\(what): the certificate expired at \(notAfterUnix) (unix)")
        }
        guard nowUnix >= notBeforeUnix else {
            throw TLSError(
                .expired,
                "\(what): the certificate is not valid before \(notBeforeUnix) (unix)"
            )
        }
    }

    /// Whether it may sign others, by its own extensions.
    var isAuthority: Bool {
        // 1: basicConstraints says so. The other truths are for certificates of before X.509v3.
        unsafe X509_check_ca(raw) == 1
    }

    /// Whether `issuer`'s name and key identifiers fit this certificate. No signature is checked.
    func isIssued(by issuer: Certificate) -> Bool {
        unsafe X509_check_issued(issuer.raw, raw) == X509_V_OK
    }

    /// Whether `key` is the private half of this certificate's key.
    func matches(_ key: PrivateKey) throws(TLSError) -> Bool {
        let matches = try unsafe key.withPointer { (pointer) throws(TLSError) in
            unsafe X509_check_private_key(raw, pointer) == 1
        }
        OpenSSLErrorQueue.clear()
        return matches
    }

    private func drained() -> String { OpenSSLErrorQueue.drainReason() }
}

/// A distinguished name in RFC 2253 form; empty where memory is short.
func nameText(_ name: OpaquePointer) -> String {
    guard let memory = unsafe BIO_new(BIO_s_mem()) else { return "" }
    defer { unsafe BIO_free_all(memory) }
    let flags = shim_XN_FLAG_RFC2253
    guard unsafe X509_NAME_print_ex(memory, name, 0, flags) >= 0 else { return "" }
    return unsafe memoryText(memory)
}

/// Seconds since 1970, or nil for a time that is not well-formed.
func unixSeconds(_ time: UnsafePointer<ASN1_TIME>?) -> Int64? {
    var parts = unsafe tm()
    guard let time = unsafe time, unsafe ASN1_TIME_to_tm(time, &parts) == 1 else { return nil }
    return Int64(unsafe timegm(&parts))
}

/// The bytes that a memory BIO holds, as text.
func memoryText(_ memory: OpaquePointer) -> String {
    var start: UnsafeMutablePointer<CChar>?
    let count = unsafe shim_BIO_get_mem_data(memory, &start)
    guard count > 0, let start = unsafe start else { return "" }
    let bytes = unsafe UnsafeRawBufferPointer(start: start, count: count)
    return unsafe String(decoding: bytes, as: UTF8.self)
}
