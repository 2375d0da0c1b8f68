import Foundation
import Sealing
import TLS
import Testing
import Text

@testable import Server

@Suite("Homes")
struct HomeTests {
    private let home = Home(
        path: FileManager.default.temporaryDirectory.appending(path: "\(UUID())").path()
    )

    private func make(keys: String? = nil) throws {
        try HomeInitialisation(home: home, hosts: ["models.example"], keys: keys).run()
    }

    private func clean() { try? FileManager.default.removeItem(atPath: home.path) }

    private func mode(_ path: String) throws -> Int {
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        return try #require(attributes[.posixPermissions] as? Int)
    }

    @Test("a new home has its keys, certificates and one grant, closed to others")
    func whole() throws {
        defer { clean() }
        try make()
        try home.require()
        for key in [home.authorityKey, home.serverKey, home.clientKey("admin")] {
            #expect(try mode(key) == 0o600)
        }
        #expect(try mode(home.path) == 0o700)
        let server = try CertificateFile.describe(path: home.serverCertificate)
        #expect(server.dnsNames == ["localhost", "models.example"])
        #expect(server.ipAddresses == ["127.0.0.1", "::1"])
        let list = try AccessList(json: try Files.read(home.access))
        #expect(list.grants == [Grant(principal: "cert:admin", role: .admin, models: .any)])
    }

    @Test("a home that exists is not touched")
    func twice() throws {
        defer { clean() }
        try make()
        let before = try Files.read(home.authority)
        let error = #expect(throws: ServerError.self) { try make() }
        #expect(error?.message.contains("exists already") == true)
        #expect(try Files.read(home.authority) == before)
    }

    @Test("an init that fails leaves nothing behind")
    func failed() throws {
        defer { clean() }
        #expect(throws: ServerError.self) { try make(keys: "env:STRONGROOM_NO_SUCH_VARIABLE") }
        let parent = URL(filePath: home.path).deletingLastPathComponent().path()
        let left = try FileManager.default.contentsOfDirectory(atPath: parent)
            .filter { $0.hasPrefix(URL(filePath: home.path).lastPathComponent) }
        #expect(left.isEmpty)
    }

    @Test("clients are added, listed and removed")
    func clients() throws {
        defer { clean() }
        try make()
        let clients = ClientCertificates(home: home)
        try clients.add(name: "alice", role: .predictor, models: ModelPattern("a*"))
        try clients.add(name: "alice", role: .observer, models: .any)
        let alice = try #require(try clients.list().first { $0.name == "alice" })
        #expect(alice.grants.map(\.role) == [.predictor, .observer])
        #expect(alice.notAfterUnix != nil)
        let certificate = try CertificateFile.describe(path: home.clientCertificate("alice"))
        #expect(certificate.uris == ["strongroom:alice"])
        try clients.remove(name: "alice")
        #expect(try clients.list().map(\.name) == ["admin"])
        #expect(throws: ServerError.self) { try clients.remove(name: "alice") }
        #expect(throws: ServerError.self) {
            try clients.add(name: "../x", role: .admin, models: .any)
        }
    }

    @Test("renewed certificates have new keys and keep their names")
    func renew() throws {
        defer { clean() }
        try make()
        let before = try CertificateFile.describe(path: home.serverCertificate)
        _ = try ClientCertificates(home: home).renew(hosts: ["more.example"])
        let after = try CertificateFile.describe(path: home.serverCertificate)
        #expect(after.sha256 != before.sha256)
        #expect(after.dnsNames == ["localhost", "models.example", "more.example"])
    }

    @Test("without the CA's key certificates are not made, and the message says where it belongs")
    func authorityKeyAway() throws {
        defer { clean() }
        try make()
        Files.remove(home.authorityKey)
        let error = #expect(throws: ServerError.self) {
            try ClientCertificates(home: home).add(name: "bob", role: .observer, models: .any)
        }
        #expect(error?.message.contains("ca-key.pem") == true)
    }

    @Test("a name that is a path removes nothing", arguments: ["../ca", "../server", "", "a/b"])
    func pathsAreNoClients(name: String) throws {
        defer { clean() }
        try make()
        #expect(throws: ServerError.self) { try ClientCertificates(home: home).remove(name: name) }
        for path in [home.authority, home.authorityKey, home.serverCertificate, home.serverKey] {
            #expect(Files.exists(path))
        }
    }
}
