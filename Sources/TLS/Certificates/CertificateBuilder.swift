internal import COpenSSL
internal import Glibc

/// Owns an `X509` in the making.
@safe struct CertificateBuilder: ~Copyable {
    /// The upper bound of a common name (RFC 5280, appendix A.1).
    static let maxCommonNameCharacters = 64

    private let raw: OpaquePointer
    /// Nil for a certificate that signs itself.
    private let issuer: Certificate?

    /// An empty certificate with a random serial number.
    ///
    /// - Parameter issuer: nil for a certificate that signs itself.
    init(issuer: Certificate?) throws(TLSError) {
        OpenSSLErrorQueue.clear()
        guard let raw = unsafe X509_new() else {
            throw TLSError(.internalFailure, "no memory for a certificate")
        }
        unsafe self.raw = raw
        self.issuer = issuer
    }

    deinit {
        unsafe X509_free(raw)
    }

    /// What every certificate has: version, serial number, names, times, public key.
    ///
    /// - Throws: `certificate` for a name of no or too many characters, or a time out of range.
    mutating func describe(
        commonName: String,
        key: PrivateKey,
        validity: CertificateValidity
    ) throws(TLSError) {
        guard (1...Self.maxCommonNameCharacters).contains(commonName.unicodeScalars.count) else {
            throw TLSError(
                .certificate,
                "common name \"\(commonName)\"; expected 1 to \(Self.maxCommonNameCharacters) "
                    + "characters"
            )
        }
        OpenSSLErrorQueue.clear()
        let name = unsafe X509_get_subject_name(raw)
        let bytes = Array(commonName.utf8)
        let hasTimes =
            unsafe ASN1_TIME_set(X509_getm_notBefore(raw), time_t(validity.notBeforeUnix)) != nil
            && ASN1_TIME_set(X509_getm_notAfter(raw), time_t(validity.notAfterUnix)) != nil
        guard validity.notBeforeUnix < validity.notAfterUnix, hasTimes else {
            throw TLSError(.certificate, "a validity that ends before it begins, or out of range")
        }
        let hasKey = try unsafe key.withPointer { (pointer) throws(TLSError) in
            unsafe X509_set_pubkey(raw, pointer) == 1
        }
        let issuerName: OpaquePointer?
        if let issuer {
            unsafe issuerName = try issuer.withPointer { (pointer) throws(TLSError) in
                unsafe X509_get_subject_name(pointer)
            }
        } else {
            unsafe issuerName = name
        }
        guard hasKey, unsafe X509_set_version(raw, Int(X509_VERSION_3)) == 1,
            unsafe X509_NAME_add_entry_by_NID(
                name,
                NID_commonName,
                MBSTRING_UTF8,
                bytes,
                Int32(bytes.count),
                -1,
                0
            ) == 1,
            unsafe X509_set_issuer_name(raw, issuerName) == 1,
            setSerialNumber()
        else { throw failure("describing a certificate") }
    }

    /// Adds an extension in OpenSSL's configuration syntax. Constants only: the syntax has
    /// commas and prefixes that a name from outside must not reach.
    mutating func add(_ identifier: Int32, _ value: StaticString) throws(TLSError) {
        OpenSSLErrorQueue.clear()
        var context = unsafe X509V3_CTX()
        if let issuer {
            try unsafe issuer.withPointer { (pointer) throws(TLSError) in
                unsafe X509V3_set_ctx(&context, pointer, raw, nil, nil, 0)
            }
        } else {
            unsafe X509V3_set_ctx(&context, raw, raw, nil, nil, 0)
        }
        let text = value.description
        guard let made = unsafe X509V3_EXT_conf_nid(nil, &context, identifier, text) else {
            throw failure("extension \(text)")
        }
        defer { unsafe X509_EXTENSION_free(made) }
        guard unsafe X509_add_ext(raw, made, -1) == 1 else { throw failure("extension \(text)") }
    }

    /// Adds the subject's alternative names.
    mutating func add(_ names: [AlternativeName]) throws(TLSError) {
        OpenSSLErrorQueue.clear()
        guard let stack = unsafe shim_sk_GENERAL_NAME_new_null() else {
            throw failure("alternative names")
        }
        defer { unsafe GENERAL_NAMES_free(stack) }
        for name in names {
            let made = try unsafe name.makeGeneralName()
            guard unsafe shim_sk_GENERAL_NAME_push(stack, made) > 0 else {
                unsafe GENERAL_NAME_free(made)
                throw failure("alternative names")
            }
        }
        let value = unsafe UnsafeMutableRawPointer(stack)
        guard unsafe X509_add1_ext_i2d(raw, NID_subject_alt_name, value, 0, 0) == 1 else {
            throw failure("alternative names")
        }
    }

    /// Signs with ECDSA and SHA-256.
    consuming func sign(with key: PrivateKey) throws(TLSError) -> Certificate {
        OpenSSLErrorQueue.clear()
        let signed = try unsafe key.withPointer { (pointer) throws(TLSError) in
            unsafe X509_sign(raw, pointer, EVP_sha256()) > 0
        }
        guard signed, unsafe X509_up_ref(raw) == 1 else { throw failure("signing") }
        return unsafe Certificate(adopting: raw)
    }

    /// 126 random bits below a one: positive, 16 bytes, and never the same twice.
    private func setSerialNumber() -> Bool {
        guard let number = unsafe BN_new() else { return false }
        defer { unsafe BN_free(number) }
        return unsafe BN_rand(number, 127, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1
            && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(raw)) != nil
    }

    private func failure(_ what: String) -> TLSError {
        TLSError(.internalFailure, "\(what): \(OpenSSLErrorQueue.drainReason())")
    }
}
