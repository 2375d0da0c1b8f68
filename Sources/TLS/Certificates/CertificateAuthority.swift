internal import COpenSSL
internal import Platform

/// A certificate with its key, as text to be written to files (the key's of mode 0600).
package struct IssuedCertificate: Sendable {
    /// The certificate, then nothing: the authority is the root, and peers have it.
    package let certificatePEM: String
    /// The key in unencrypted PKCS #8.
    package let keyPEM: String
}

/// A private authority: one P-256 key and its self-signed certificate, from which the
/// certificates of servers and clients come.
///
/// It signs leaves only (`pathlen:0`). All certificates carry the key identifiers and the
/// critical extensions that strict X.509 checks ask for, are signed with ECDSA and SHA-256, and
/// have random serial numbers of 16 bytes.
package struct CertificateAuthority: Sendable {
    private let certificate: Certificate
    private let key: PrivateKey

    /// A new authority.
    ///
    /// - Throws: `certificate` for a name of no or more than 64 characters.
    package static func create(
        commonName: String,
        validity: CertificateValidity = .authority
    ) throws(TLSError) -> CertificateAuthority {
        let key = try PrivateKey.generate()
        var builder = try CertificateBuilder(issuer: nil)
        try builder.describe(commonName: commonName, key: key, validity: validity)
        try builder.add(NID_basic_constraints, "critical,CA:TRUE,pathlen:0")
        try builder.add(NID_key_usage, "critical,keyCertSign,cRLSign")
        try builder.add(NID_subject_key_identifier, "hash")
        try builder.add(NID_authority_key_identifier, "keyid:always")
        let certificate = try builder.sign(with: key)
        return CertificateAuthority(certificate: certificate, key: key)
    }

    /// The authority of two files.
    ///
    /// - Throws: `file`, `permissions` for a key that others can read, `key` for another
    ///   certificate's key, `expired`, and `certificate` when it is no authority.
    package static func load(
        certificatePath: String,
        keyPath: String
    ) throws(TLSError) -> CertificateAuthority {
        guard
            let certificate = try PEMFile.certificates(path: certificatePath, trust: .strict).first
        else {
            throw TLSError(.certificate, "\(certificatePath): no certificate in it")
        }
        let key = try PEMFile.privateKey(path: keyPath, trust: .strict)
        guard try certificate.matches(key) else {
            throw TLSError(.key, "\(keyPath): not the key of the certificate in \(certificatePath)")
        }
        guard certificate.isAuthority else {
            throw TLSError(.certificate, "\(certificatePath): not an authority's certificate")
        }
        try certificate.checkValidity(
            at: CertificateValidity.days(0).notAfterUnix,
            what: certificatePath
        )
        return CertificateAuthority(certificate: certificate, key: key)
    }

    /// The authority's own certificate.
    package func certificatePEM() throws(TLSError) -> String {
        try certificate.pem()
    }

    /// The authority's own key: who has it can be any client. The file may be kept elsewhere.
    package func keyPEM() throws(TLSError) -> String {
        try key.pem()
    }

    /// A certificate for a server, with a new key.
    ///
    /// - Parameter hosts: DNS names and IP addresses, 1 to 100 different ones; the first is the
    ///   common name as well.
    /// - Throws: `certificate` for a host that is neither, and for no or too many hosts.
    package func issueServer(
        hosts: [String],
        validity: CertificateValidity = .leaf
    ) throws(TLSError) -> IssuedCertificate {
        guard let first = hosts.first, hosts.count <= TLSLimits.maxNamesPerCertificate else {
            throw TLSError(
                .certificate,
                "\(hosts.count) hosts; expected 1 to \(TLSLimits.maxNamesPerCertificate)"
            )
        }
        var names: [AlternativeName] = []
        for host in hosts {
            let name = try AlternativeName(host: host)
            if !names.contains(name) { names.append(name) }
        }
        return try issue(
            // The common name is for people; it holds 64 characters at most.
            commonName: String(first.prefix(CertificateBuilder.maxCommonNameCharacters)),
            names: names,
            usage: "serverAuth",
            validity: validity
        )
    }

    /// A certificate for a client, with a new key. Its name is the one URI `strongroom:NAME`.
    ///
    /// - Parameter name: `[a-z0-9][a-z0-9._-]{0,63}`, in letters of either case.
    /// - Throws: `certificate` for another name.
    package func issueClient(
        name: String,
        validity: CertificateValidity = .leaf
    ) throws(TLSError) -> IssuedCertificate {
        guard Self.isClientName(name) else {
            throw TLSError(
                .certificate,
                "client name \"\(name)\"; expected 1 to 64 letters, digits, '.', '_' and '-', "
                    + "the first a letter or digit"
            )
        }
        return try issue(
            commonName: name,
            names: [.uri(PeerCertificate.nameScheme + name)],
            usage: "clientAuth",
            validity: validity
        )
    }

    /// Whether ``issueClient(name:validity:)`` takes this name.
    package static func isClientName(_ name: String) -> Bool {
        func isAlphanumeric(_ byte: UInt8) -> Bool {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            default: false
            }
        }
        guard let first = name.utf8.first, name.utf8.count <= 64 else { return false }
        return isAlphanumeric(first)
            && name.utf8.allSatisfy { byte in
                isAlphanumeric(byte) || [0x2D, 0x2E, 0x5F].contains(byte)
            }
    }

    private func issue(
        commonName: String,
        names: [AlternativeName],
        usage: StaticString,
        validity: CertificateValidity
    ) throws(TLSError) -> IssuedCertificate {
        let leafKey = try PrivateKey.generate()
        var builder = try CertificateBuilder(issuer: certificate)
        try builder.describe(commonName: commonName, key: leafKey, validity: validity)
        try builder.add(NID_basic_constraints, "critical,CA:FALSE")
        try builder.add(NID_key_usage, "critical,digitalSignature")
        try builder.add(NID_ext_key_usage, usage)
        try builder.add(NID_subject_key_identifier, "hash")
        try builder.add(NID_authority_key_identifier, "keyid:always")
        try builder.add(names)
        let leaf = try builder.sign(with: key)
        return IssuedCertificate(certificatePEM: try leaf.pem(), keyPEM: try leafKey.pem())
    }
}
