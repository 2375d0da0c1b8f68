/// The certificate that a peer proved to hold, after it was verified against the authority.
package struct PeerCertificate: Sendable, Equatable {
    /// The scheme of the URI that carries a client's name, colon included.
    package static let nameScheme = "strongroom:"

    /// The URIs among the subject's alternative names, in the certificate's order.
    package let uris: [String]
    /// The subject in RFC 2253 form, for logs. Never a base for decisions.
    package let subject: String
    /// The last second of validity, in seconds since 1970.
    package let notAfterUnix: Int64
    /// SHA-256 of the certificate in DER: 32 bytes.
    package let sha256: [UInt8]

    package init(uris: [String], subject: String, notAfterUnix: Int64, sha256: [UInt8]) {
        self.uris = uris
        self.subject = subject
        self.notAfterUnix = notAfterUnix
        self.sha256 = sha256
    }

    /// The client's name: what follows `strongroom:` in the one URI that the certificate has.
    ///
    /// `nil` when there is no such URI, when it names nothing, and when there are several: two
    /// names in one certificate would make the choice between them a decision of ours.
    package var clientName: String? {
        guard uris.count == 1, let uri = uris.first, uri.hasPrefix(Self.nameScheme) else {
            return nil
        }
        let name = uri.dropFirst(Self.nameScheme.count)
        return name.isEmpty ? nil : String(name)
    }
}

extension PeerCertificate {
    /// - Throws: `certificate` for alternative names that are not printable ASCII.
    init(_ certificate: Certificate) throws(TLSError) {
        self.init(
            uris: try SubjectAlternativeNames(of: certificate).uris,
            subject: certificate.subject,
            notAfterUnix: certificate.notAfterUnix,
            sha256: certificate.sha256
        )
    }
}
