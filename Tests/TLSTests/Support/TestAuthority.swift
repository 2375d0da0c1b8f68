import Foundation
import TLS

/// An authority with a server's and a client's files in a folder of its own, which goes with it.
final class TestAuthority: Sendable {
    let folder: String
    let authority: CertificateAuthority

    init(hosts: [String] = ["localhost", "127.0.0.1", "::1"], client: String = "alice") throws {
        folder = NSTemporaryDirectory() + "tls-tests-" + UUID().uuidString
        try FileManager.default.createDirectory(
            atPath: folder,
            withIntermediateDirectories: true
        )
        authority = try CertificateAuthority.create(commonName: "Test authority")
        try write(authority.certificatePEM(), to: "ca.pem")
        try write(authority.keyPEM(), to: "ca-key.pem", mode: 0o600)
        try write(authority.issueServer(hosts: hosts), as: "server")
        try write(authority.issueClient(name: client), as: "client")
    }

    deinit {
        try? FileManager.default.removeItem(atPath: folder)
    }

    func path(_ name: String) -> String { folder + "/" + name }

    /// Writes NAME.pem and NAME-key.pem.
    func write(_ issued: IssuedCertificate, as name: String) throws {
        try write(issued.certificatePEM, to: name + ".pem")
        try write(issued.keyPEM, to: name + "-key.pem", mode: 0o600)
    }

    func write(_ text: String, to name: String, mode: Int = 0o644) throws {
        try text.write(toFile: path(name), atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes(
            [.posixPermissions: mode],
            ofItemAtPath: path(name)
        )
    }

    func serverContext(
        minimum: TLSVersion = .v1_3,
        alpn: [String] = [],
        revocationList: String? = nil
    ) throws -> TLSContext {
        try TLSContext.server(
            certificatePath: path("server.pem"),
            keyPath: path("server-key.pem"),
            clientAuthorityPath: path("ca.pem"),
            revocationListPath: revocationList.map(path),
            minimum: minimum,
            alpn: alpn
        )
    }

    /// - Parameter identity: the base name of the client's files; nil for an anonymous client.
    func clientContext(
        identity: String? = "client",
        minimum: TLSVersion = .v1_3,
        alpn: [String] = []
    ) throws -> TLSContext {
        try TLSContext.client(
            authorityPath: path("ca.pem"),
            certificatePath: identity.map { path($0 + ".pem") },
            keyPath: identity.map { path($0 + "-key.pem") },
            minimum: minimum,
            alpn: alpn
        )
    }
}
