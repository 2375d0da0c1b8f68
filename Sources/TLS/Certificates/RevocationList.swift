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

    /// The issuer in RFC 2253 form.
    var issuer: String {
        unsafe X509_CRL_get_issuer(raw).map { unsafe nameText($0) } ?? ""
    }

    /// The time of issue, in seconds since 1970.
    var issuedUnix: Int64 {
        unsafe unixSeconds(X509_CRL_get0_lastUpdate(raw)) ?? .max
    }

    /// The time of the next list, after which this one counts no more; `nil` if it names none.
    var nextUnix: Int64? {
        unsafe unixSeconds(X509_CRL_get0_nextUpdate(raw))
    }

    /// Whether the issuer has the name of this authority. No signature is checked.
    func hasIssuer(_ authority: Certificate) throws(TLSError) -> Bool {
        try unsafe authority.withPointer { (pointer) throws(TLSError) in
            unsafe X509_NAME_cmp(X509_CRL_get_issuer(raw), X509_get_subject_name(pointer)) == 0
        }
    }

    /// Whether both lists have one issuer.
    func hasIssuer(of other: RevocationList) -> Bool {
        unsafe X509_NAME_cmp(X509_CRL_get_issuer(raw), X509_CRL_get_issuer(other.raw)) == 0
    }

    /// The reason why the list does not state all certificates that its issuer revoked; `nil` if
    /// it does. OpenSSL would take the changes of a delta list (RFC 5280, section 5.2.4) for a
    /// whole list.
    var incompleteness: String? {
        if unsafe X509_CRL_get_ext_by_NID(raw, NID_delta_crl, -1) >= 0 {
            return "a delta revocation list"
        }
        guard let scope = unsafe shim_X509_CRL_get_scope(raw) else { return nil }
        defer { unsafe ISSUING_DIST_POINT_free(scope) }
        if unsafe scope.pointee.indirectCRL > 0 { return "an indirect revocation list" }
        if unsafe scope.pointee.onlysomereasons != nil {
            return "a revocation list of some reasons only"
        }
        return nil
    }
}
