internal import Platform
internal import TLS
package import Text

/// The certificates of a home's callers, and their grants.
package struct ClientCertificates: Sendable {
    let home: Home

    package init(home: Home) {
        self.home = home
    }

    /// One caller, as `clients list` shows it.
    package struct Client: Sendable {
        package let name: String
        package let grants: [Grant]
        package let notAfterUnix: Int64?
    }

    /// Makes a certificate for `name` and grants it `role` on `models`. A name that has a
    /// certificate keeps it and gets the grant besides.
    /// - Parameter maxPriority: The highest priority of its requests to these models; nil: what a
    ///   present grant of this role on these models says, or else 0.
    /// - Throws: ``ServerError``: a bad name, a missing CA key.
    package func add(
        name: String,
        role: Role,
        models: ModelPattern,
        maxPriority: Int? = nil
    ) throws(ServerError) {
        try Self.check(name)
        if !Files.exists(home.clientCertificate(name)) {
            do {
                try write(try authority().issueClient(name: name), name: name)
            } catch {
                throw ServerError(of: error)
            }
        }
        var list = try AccessList(json: try TrustedFile(home.access, .strict).bytes)
        list.add(
            Grant(principal: "cert:" + name, role: role, models: models),
            maxPriority: maxPriority
        )
        try Files.write(home.access, text: list.json)
    }

    /// Takes all grants and the certificate files of `name` away. A copy of the certificate that
    /// is held elsewhere still opens a connection, and may do nothing on it.
    /// - Throws: ``ServerError`` when there is no such client.
    package func remove(name: String) throws(ServerError) {
        try Self.check(name)
        var list = try AccessList(json: try TrustedFile(home.access, .strict).bytes)
        let before = list.grants.count
        list.grants.removeAll { $0.principal == "cert:" + name }
        let hasFiles = Files.exists(home.clientCertificate(name))
        guard list.grants.count < before || hasFiles else {
            throw ServerError(
                "there is no client \(quoted(name))",
                hint: "see: strongroom clients list"
            )
        }
        try Files.write(home.access, text: list.json)
        Files.remove(home.clientCertificate(name))
        Files.remove(home.clientKey(name))
    }

    /// All clients by name: those with a certificate here and those with a grant.
    package func list() throws(ServerError) -> [Client] {
        let list = try AccessList(json: try TrustedFile(home.access, .strict).bytes)
        let suffix = ".pem"
        var names = Set(
            Files.names(in: home.clients)
                .filter { $0.hasSuffix(suffix) && !$0.hasSuffix("-key.pem") }
                .map { String($0.dropLast(suffix.count)) }
        )
        for grant in list.grants where grant.principal.hasPrefix("cert:") {
            names.insert(String(grant.principal.dropFirst("cert:".count)))
        }
        return names.sorted().map { name in
            let certificate = try? CertificateFile.describe(path: home.clientCertificate(name))
            return Client(
                name: name,
                grants: list.grants.filter { $0.principal == "cert:" + name },
                notAfterUnix: certificate?.notAfterUnix
            )
        }
    }

    /// Makes new certificates, with new keys, for the server and each client that has one here.
    /// - Parameter hosts: names of the server besides those of its present certificate.
    /// - Returns: the files written.
    package func renew(hosts: [String]) throws(ServerError) -> [String] {
        do {
            let authority = try authority()
            let present = try CertificateFile.describe(
                path: home.serverCertificate,
                trust: .strict
            )
            var names = present.dnsNames + present.ipAddresses
            names += hosts.filter { !names.contains($0) }
            let server = try authority.issueServer(hosts: names)
            try Files.write(home.serverKey, text: server.keyPEM)
            try Files.write(home.serverCertificate, text: server.certificatePEM, mode: 0o644)
            var written = [home.serverCertificate]
            for client in try list() where client.notAfterUnix != nil {
                try write(try authority.issueClient(name: client.name), name: client.name)
                written.append(home.clientCertificate(client.name))
            }
            return written
        } catch {
            throw ServerError(of: error)
        }
    }

    /// Names become paths: nothing but plain ones.
    private static func check(_ name: String) throws(ServerError) {
        guard CertificateAuthority.isClientName(name) else {
            throw ServerError(
                "\(quoted(name)) is no client name: expected 1 to 64 letters, digits, '.', '_' "
                    + "and '-', the first a letter or digit"
            )
        }
    }

    func write(_ issued: IssuedCertificate, name: String) throws(ServerError) {
        try Files.write(home.clientKey(name), text: issued.keyPEM)
        try Files.write(home.clientCertificate(name), text: issued.certificatePEM, mode: 0o644)
    }

    private func authority() throws(ServerError) -> CertificateAuthority {
        guard Files.exists(home.authorityKey) else {
            throw ServerError(
                "the CA's key is not at \(home.authorityKey)",
                hint: "bring it back for as long as certificates are made"
            )
        }
        do {
            return try CertificateAuthority.load(
                certificatePath: home.authority,
                keyPath: home.authorityKey
            )
        } catch {
            throw ServerError(of: error)
        }
    }
}
