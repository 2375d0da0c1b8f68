package import Platform

/// What an operator wants to know of a certificate file, for lists and warnings.
package struct CertificateDescription: Sendable, Equatable {
    /// The subject in RFC 2253 form.
    package let subject: String
    /// DNS names among the subject's alternative names.
    package let dnsNames: [String]
    /// IP addresses among them, as text.
    package let ipAddresses: [String]
    /// URIs among them; a client's name is `strongroom:NAME`.
    package let uris: [String]
    /// The first second of validity, in seconds since 1970.
    package let notBeforeUnix: Int64
    /// The last second of validity, in seconds since 1970.
    package let notAfterUnix: Int64
    /// Whether it is an authority's.
    package let isAuthority: Bool
    /// SHA-256 of the certificate in DER: 32 bytes.
    package let sha256: [UInt8]
}

/// Certificate files as they lie on disk.
package enum CertificateFile {
    /// The first certificate of a PEM file. An expired one is described like any other.
    ///
    /// - Parameter trust: Judges the file, if more than a list for people depends on it.
    /// - Throws: `file`, `permissions`, `certificate`.
    package static func describe(
        path: String,
        trust: FileTrust = .client
    ) throws(TLSError) -> CertificateDescription {
        guard let certificate = try PEMFile.certificates(path: path, trust: trust).first else {
            throw TLSError(.certificate, "\(path): no certificate in it")
        }
        let names = try SubjectAlternativeNames(of: certificate)
        return CertificateDescription(
            subject: certificate.subject,
            dnsNames: names.dns,
            ipAddresses: names.ipAddresses,
            uris: names.uris,
            notBeforeUnix: certificate.notBeforeUnix,
            notAfterUnix: certificate.notAfterUnix,
            isAuthority: certificate.isAuthority,
            sha256: certificate.sha256
        )
    }
}
