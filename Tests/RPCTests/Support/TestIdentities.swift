import Foundation
import TLS

/// An authority with a server's and a client's certificate, in a folder of its own.
final class TestIdentities: Sendable {
    let folder: URL
    private let authority: CertificateAuthority

    init() throws {
        folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("strongroom-rpc-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        authority = try CertificateAuthority.create(commonName: "test authority")
        try write(authority.certificatePEM(), "ca.pem")
        try save(try authority.issueServer(hosts: ["localhost", "127.0.0.1"]), as: "server")
        try save(try authority.issueClient(name: "alice"), as: "alice")
    }

    deinit {
        try? FileManager.default.removeItem(at: folder)
    }

    func server() throws -> ReloadableTLSContext {
        ReloadableTLSContext(
            try TLSContext.server(
                certificatePath: path("server.pem"),
                keyPath: path("server-key.pem"),
                clientAuthorityPath: path("ca.pem")
            )
        )
    }

    func client(named name: String?) throws -> TLSContext {
        try TLSContext.client(
            authorityPath: path("ca.pem"),
            certificatePath: name.map { path("\($0).pem") },
            keyPath: name.map { path("\($0)-key.pem") }
        )
    }

    private func save(_ issued: IssuedCertificate, as name: String) throws {
        try write(issued.certificatePEM, "\(name).pem")
        try write(issued.keyPEM, "\(name)-key.pem")
    }

    private func write(_ text: String, _ name: String) throws {
        guard
            FileManager.default.createFile(
                atPath: path(name),
                contents: Data(text.utf8),
                attributes: [.posixPermissions: 0o600]
            )
        else { throw CocoaError(.fileWriteUnknown) }
    }

    func path(_ name: String) -> String { folder.appendingPathComponent(name).path }
}
