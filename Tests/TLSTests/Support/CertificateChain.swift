import Foundation

/// A root, an authority below it and a client below that one, made by OpenSSL's command in the
/// folder of a ``TestAuthority``.
struct CertificateChain {
    let home: TestAuthority

    init(_ home: TestAuthority) throws {
        self.home = home
        let authority =
            "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n"
            + "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n"
        try home.write(authority, to: "mid.ext")
        try home.write(
            "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n"
                + "extendedKeyUsage=clientAuth\nsubjectAltName=URI:strongroom:deep\n"
                + "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n",
            to: "leaf.ext"
        )
        for name in ["root", "mid", "leaf"] {
            try openssl(
                [
                    "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out",
                    path("\(name)-key.pem"),
                ]
            )
            _ = chmod(path("\(name)-key.pem"), 0o600)
            try openssl(
                ["req", "-new", "-key", path("\(name)-key.pem"), "-subj", "/CN=\(name)"]
                    + ["-out", path("\(name).csr")]
            )
        }
        try openssl(
            ["req", "-x509", "-new", "-key", path("root-key.pem"), "-subj", "/CN=root"]
                + ["-days", "300", "-out", path("root.pem")]
                + ["-addext", "basicConstraints=critical,CA:TRUE"]
                + ["-addext", "keyUsage=critical,keyCertSign,cRLSign"]
        )
        try sign("mid", by: "root", serial: 7)
        try sign("leaf", by: "mid", serial: 8)
        let chain = try ["leaf.pem", "mid.pem"].map {
            try String(contentsOfFile: path($0), encoding: .utf8)
        }
        try home.write(chain.joined(), to: "leaf.pem")
        for name in ["root", "mid"] { try configure(name) }
    }

    func path(_ name: String) -> String { home.path(name) }

    /// The present list of an authority, in PEM.
    func list(of name: String, _ more: [String] = []) throws -> String {
        try openssl(
            ["ca", "-config", path("\(name).cnf"), "-gencrl", "-out", path("\(name).crl")] + more
        )
        return try String(contentsOfFile: path("\(name).crl"), encoding: .utf8)
    }

    func revoke(_ certificate: String, by name: String) throws {
        try openssl(
            ["ca", "-config", path("\(name).cnf"), "-revoke", path("\(certificate).pem")]
        )
    }

    private func sign(_ name: String, by issuer: String, serial: Int) throws {
        try openssl(
            ["x509", "-req", "-in", path("\(name).csr"), "-CA", path("\(issuer).pem")]
                + ["-CAkey", path("\(issuer)-key.pem"), "-days", "100", "-set_serial", "\(serial)"]
                + ["-extfile", path("\(name).ext"), "-out", path("\(name).pem")]
        )
    }

    private func configure(_ name: String) throws {
        try home.write("", to: "\(name).txt")
        try home.write(
            """
            [ca]
            default_ca=own
            [own]
            database=\(path("\(name).txt"))
            default_md=sha256
            default_crl_days=30
            certificate=\(path("\(name).pem"))
            private_key=\(path("\(name)-key.pem"))
            crl_extensions=plain
            [plain]
            authorityKeyIdentifier=keyid
            [delta]
            authorityKeyIdentifier=keyid
            2.5.29.27=critical,DER:020101
            [indirect]
            authorityKeyIdentifier=keyid
            issuingDistributionPoint=critical,@indirect_scope
            [indirect_scope]
            fullname=URI:http://localhost/list
            indirectCRL=TRUE

            """,
            to: "\(name).cnf"
        )
    }

    private func openssl(_ arguments: [String]) throws {
        let result = try OpenSSLTool.run(arguments)
        guard result.status == 0 else { throw Failure(output: "\(arguments): \(result.output)") }
    }

    private struct Failure: Error {
        let output: String
    }
}
