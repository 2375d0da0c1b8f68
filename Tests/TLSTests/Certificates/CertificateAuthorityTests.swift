import Foundation
import Testing

@testable import TLS

@Suite("A certificate authority")
struct CertificateAuthorityTests {
    let authority: TestAuthority

    init() throws {
        authority = try TestAuthority()
    }

    @Test("its certificate is an authority's, for ten years")
    func own() throws {
        let described = try CertificateFile.describe(path: authority.path("ca.pem"))
        #expect(described.isAuthority)
        #expect(described.subject == "CN=Test authority")
        let days = (described.notAfterUnix - described.notBeforeUnix) / 86_400
        #expect(days == 3650)
    }

    @Test("a server's certificate names each host once, addresses as addresses")
    func server() throws {
        let issued = try authority.authority.issueServer(
            hosts: ["Db.Example.org", "10.0.0.1", "2001:db8::1", "db.example.org"])
        try authority.write(issued, as: "db")
        let described = try CertificateFile.describe(path: authority.path("db.pem"))
        #expect(described.dnsNames == ["db.example.org"])
        #expect(described.ipAddresses == ["10.0.0.1", "2001:db8::1"])
        #expect(described.uris.isEmpty)
        #expect(!described.isAuthority)
        #expect((described.notAfterUnix - described.notBeforeUnix) / 86_400 == 825)
    }

    @Test("a client's certificate has its name as the one URI")
    func client() throws {
        let described = try CertificateFile.describe(path: authority.path("client.pem"))
        #expect(described.uris == ["strongroom:alice"])
        #expect(described.dnsNames.isEmpty)
    }

    @Test(
        "names that cannot be a client's are refused",
        arguments: [
            "", "a b", "a,DNS:evil", "a/b", ".a", "-a", "ä", "a\n",
            String(repeating: "a", count: 65),
        ]
    )
    func badClientName(name: String) {
        #expect(throws: TLSError(.certificate, "")) {
            try authority.authority.issueClient(name: name)
        }
    }

    @Test(
        "names that can be a client's are taken",
        arguments: ["a", "0", "A.b_c-d", String(repeating: "a", count: 64)]
    )
    func goodClientName(name: String) throws {
        try authority.write(authority.authority.issueClient(name: name), as: "other")
        let described = try CertificateFile.describe(path: authority.path("other.pem"))
        #expect(described.uris == ["strongroom:" + name])
    }

    @Test(
        "hosts that are neither names nor addresses are refused",
        arguments: [
            "", "a b", "*.example.org", "a..b", "-a", "a-", "a,b", "a\0b", "host:80", "[::1]",
            String(repeating: "a", count: 64), String(repeating: "a.", count: 127) + "a",
        ]
    )
    func badHost(host: String) {
        #expect(throws: TLSError(.certificate, "")) {
            try authority.authority.issueServer(hosts: [host])
        }
    }

    @Test("a certificate has 1 to 100 names")
    func nameCount() throws {
        let hosts = (0..<101).map { "h\($0)" }
        #expect(throws: TLSError(.certificate, "")) {
            try authority.authority.issueServer(hosts: [])
        }
        #expect(throws: TLSError(.certificate, "")) {
            try authority.authority.issueServer(hosts: hosts)
        }
        try authority.write(
            authority.authority.issueServer(hosts: Array(hosts.dropLast())),
            as: "many"
        )
        let described = try CertificateFile.describe(path: authority.path("many.pem"))
        #expect(described.dnsNames.count == 100)
    }

    @Test("an authority loaded from its files issues what the old one's peers accept")
    func reloaded() throws {
        let loaded = try CertificateAuthority.load(
            certificatePath: authority.path("ca.pem"),
            keyPath: authority.path("ca-key.pem")
        )
        try authority.write(loaded.issueClient(name: "bob"), as: "bob")
        let pair = try ConnectionPair(authority, identity: "bob")
        #expect(pair.shakeHands().server.isDone)
        #expect(try pair.server.peerCertificate()?.clientName == "bob")
    }

    @Test("a leaf is not loaded as an authority")
    func leafAsAuthority() throws {
        #expect(throws: TLSError(.certificate, "")) {
            try CertificateAuthority.load(
                certificatePath: authority.path("server.pem"),
                keyPath: authority.path("server-key.pem")
            )
        }
    }

    @Test("another authority's key is not taken")
    func otherKey() throws {
        let other = try TestAuthority()
        #expect(throws: TLSError(.key, "")) {
            try CertificateAuthority.load(
                certificatePath: authority.path("ca.pem"),
                keyPath: other.path("ca-key.pem")
            )
        }
    }

    @Test("openssl's own verifier, at its strictest, accepts what is issued")
    func foreignVerifier() throws {
        for (file, purpose) in [("server", "sslserver"), ("client", "sslclient")] {
            let result = try OpenSSLTool.run([
                "verify", "-x509_strict", "-auth_level", "2", "-purpose", purpose,
                "-CAfile", authority.path("ca.pem"), authority.path(file + ".pem"),
            ])
            #expect(result.status == 0, "\(result.output)")
        }
    }
}
