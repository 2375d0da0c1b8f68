internal import Glibc
internal import Registry
internal import Sealing
internal import TLS
internal import Text

/// `strongroom init`: makes a home, whole or not at all.
package struct HomeInitialisation: Sendable {
    /// Names and addresses under which a server is always reached from its own machine.
    private static let ownHosts = ["localhost", "127.0.0.1", "::1"]
    package static let adminName = "admin"

    let home: Home
    let hosts: [String]
    let keys: String?

    /// - Parameters:
    ///   - hosts: further names and addresses of the server, for its certificate.
    ///   - keys: where keys come from; nil: the home's own folder.
    package init(home: Home, hosts: [String], keys: String?) {
        self.home = home
        self.hosts = hosts
        self.keys = keys
    }

    /// - Throws: ``ServerError``; for a home that exists nothing is changed.
    package func run() throws {
        guard !Files.exists(home.path) || Files.isEmptyFolder(home.path) else {
            throw ServerError(
                "\(home.path) exists already; nothing was changed",
                hint: "name another folder with --home, or serve this one: strongroom serve"
            )
        }
        // Built aside and renamed: a home is never seen half made.
        let draft = Home(path: "\(home.path).\(getpid()).new")
        try Files.makeFolder(draft.path, shownAs: home.path)
        do {
            try make(draft)
            try Files.rename(draft.path, to: home.path)
        } catch {
            Files.removeFolder(draft.path)
            throw ServerError(of: error)
        }
    }

    private func make(_ draft: Home) throws {
        let keys = try HomeKeys.create(draft, source: keys)
        try Files.makeFolder(keys.folder)
        let registryID = try RandomBytes.make(count: 16)
        let signing = try SigningKeyFile.create(
            folder: keys.folder,
            provider: keys.provider,
            registryID: registryID
        )
        try Registry.create(
            layout: RegistryLayout(store: draft.store, sequencePath: keys.sequencePath),
            registryID: registryID,
            keys: keys.provider,
            signing: signing
        )
        try makeCertificates(draft)
        let admin = Grant(principal: "cert:" + Self.adminName, role: .admin, models: .any)
        try Files.write(draft.access, text: AccessList(grants: [admin]).json)
        try Files.write(draft.configuration, text: configuration)
    }

    private func makeCertificates(_ draft: Home) throws {
        try Files.makeFolder(draft.clients)
        let authority = try CertificateAuthority.create(commonName: "Strongroom private CA")
        try Files.write(draft.authority, text: try authority.certificatePEM(), mode: 0o644)
        try Files.write(draft.authorityKey, text: try authority.keyPEM())
        let server = try authority.issueServer(hosts: Self.ownHosts + hosts)
        try Files.write(draft.serverCertificate, text: server.certificatePEM, mode: 0o644)
        try Files.write(draft.serverKey, text: server.keyPEM)
        try ClientCertificates(home: draft).write(
            try authority.issueClient(name: Self.adminName),
            name: Self.adminName
        )
    }

    private var configuration: String {
        var lines = [
            "# Strongroom. Flags and STRONGROOM_* variables win over this file; the keys are",
            "# listed in docs/CONFIGURATION.md. An unknown key is an error.",
            "listen: 127.0.0.1:8443",
        ]
        if let keys { lines.append("keys: \"\(keys)\"") }
        return lines.joined(separator: "\n") + "\n"
    }
}
