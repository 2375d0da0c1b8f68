import Foundation
import TLS
import Testing

@Suite("Loading a context")
struct TLSContextTests {
    let authority: TestAuthority

    init() throws {
        authority = try TestAuthority()
    }

    private func chmod(_ name: String, _ mode: Int) throws {
        try FileManager.default.setAttributes(
            [.posixPermissions: mode],
            ofItemAtPath: authority.path(name)
        )
    }

    @Test("a key that others can reach is refused", arguments: [0o640, 0o604, 0o644, 0o620])
    func openKey(mode: Int) throws {
        try chmod("server-key.pem", mode)
        let error = #expect(throws: TLSError(.permissions, "")) {
            try authority.serverContext()
        }
        #expect(error?.message.contains("expected mode 0400 or 0600") == true)
    }

    @Test("a key of its owner alone is taken", arguments: [0o400, 0o600])
    func closedKey(mode: Int) throws {
        try chmod("server-key.pem", mode)
        _ = try authority.serverContext()
    }

    @Test("the key must be the certificate's")
    func otherKey() throws {
        #expect(throws: TLSError(.key, "")) {
            try TLSContext.server(
                certificatePath: authority.path("server.pem"),
                keyPath: authority.path("client-key.pem"),
                clientAuthorityPath: authority.path("ca.pem")
            )
        }
    }

    @Test("an encrypted key is refused without a question at the terminal")
    func encryptedKey() throws {
        let result = try OpenSSLTool.run([
            "pkcs8", "-topk8", "-in", authority.path("server-key.pem"),
            "-out", authority.path("encrypted.pem"), "-passout", "pass:secret",
        ])
        #expect(result.status == 0, "\(result.output)")
        try chmod("encrypted.pem", 0o600)
        #expect(throws: TLSError(.key, "")) {
            try TLSContext.server(
                certificatePath: authority.path("server.pem"),
                keyPath: authority.path("encrypted.pem"),
                clientAuthorityPath: authority.path("ca.pem")
            )
        }
    }

    @Test("an expired certificate, and one of the future, are refused")
    func expired() throws {
        let now = Int64(Date().timeIntervalSince1970)
        for (from, to) in [(now - 7200, now - 3600), (now + 3600, now + 7200)] {
            let validity = CertificateValidity(notBeforeUnix: from, notAfterUnix: to)
            try authority.write(
                authority.authority.issueServer(hosts: ["localhost"], validity: validity),
                as: "server"
            )
            #expect(throws: TLSError(.expired, "")) { try authority.serverContext() }
        }
    }

    @Test("a missing file, a folder and a file that is too large are refused")
    func badFiles() throws {
        try authority.write(String(repeating: " ", count: TLSLimits.maxFileBytes + 1), to: "large")
        for path in ["none.pem", "large", ""] {
            #expect(throws: TLSError(.file, "")) {
                try TLSContext.client(authorityPath: authority.path(path))
            }
        }
    }

    @Test("a file without a certificate, or with a damaged one, is refused")
    func damagedCertificate() throws {
        let good = try authority.authority.certificatePEM()
        try authority.write("nothing here\n", to: "empty.pem")
        try authority.write(good + good.prefix(200), to: "cut.pem")
        try authority.write(good.replacingOccurrences(of: "MII", with: "AII"), to: "bad.pem")
        for name in ["empty.pem", "cut.pem", "bad.pem"] {
            #expect(throws: TLSError(.certificate, "")) {
                try TLSContext.client(authorityPath: authority.path(name))
            }
        }
    }

    @Test("a chain out of order is refused, and one in order is taken")
    func chain() throws {
        let server = try String(contentsOfFile: authority.path("server.pem"), encoding: .utf8)
        let root = try authority.authority.certificatePEM()
        let other = try TestAuthority().authority.certificatePEM()
        try authority.write(server + root, to: "server.pem")
        _ = try authority.serverContext()
        try authority.write(server + server, to: "server.pem")
        #expect(throws: TLSError(.certificate, "")) { try authority.serverContext() }
        try authority.write(server + root + other, to: "server.pem")
        #expect(throws: TLSError(.certificate, "")) { try authority.serverContext() }
    }

    @Test("64 certificates in a file are taken, 65 are not")
    func certificateCount() throws {
        let one = try authority.authority.certificatePEM()
        let limit = TLSLimits.maxItemsPerFile
        try authority.write(String(repeating: one, count: limit), to: "many.pem")
        _ = try TLSContext.client(authorityPath: authority.path("many.pem"))
        try authority.write(String(repeating: one, count: limit + 1), to: "many.pem")
        #expect(throws: TLSError(.certificate, "")) {
            try TLSContext.client(authorityPath: authority.path("many.pem"))
        }
    }

    @Test("a client gives its certificate and key together")
    func halfIdentity() throws {
        #expect(throws: TLSError(.key, "")) {
            try TLSContext.client(
                authorityPath: authority.path("ca.pem"),
                certificatePath: authority.path("client.pem")
            )
        }
    }

    @Test("a weak key is refused by the security level")
    func weakKey() throws {
        let result = try OpenSSLTool.run([
            "req", "-x509", "-newkey", "rsa:1024", "-nodes", "-subj", "/CN=weak",
            "-keyout", authority.path("weak-key.pem"), "-out", authority.path("weak.pem"),
        ])
        #expect(result.status == 0, "\(result.output)")
        try chmod("weak-key.pem", 0o600)
        #expect(throws: TLSError(.certificate, "")) {
            try TLSContext.server(
                certificatePath: authority.path("weak.pem"),
                keyPath: authority.path("weak-key.pem"),
                clientAuthorityPath: nil
            )
        }
    }

    @Test("a reload swaps the context, and one that fails keeps it")
    func reload() throws {
        let authority = authority
        let reloadable = try ReloadableTLSContext { () throws(TLSError) in
            try TLSContext.server(
                certificatePath: authority.path("server.pem"),
                keyPath: authority.path("server-key.pem"),
                clientAuthorityPath: authority.path("ca.pem")
            )
        }
        let first = reloadable.current
        #expect(reloadable.current === first)
        try authority.write(authority.authority.issueServer(hosts: ["new"]), as: "server")
        try reloadable.reload()
        let second = reloadable.current
        #expect(second !== first)
        try authority.write("damaged", to: "server.pem")
        #expect(throws: TLSError(.certificate, "")) { try reloadable.reload() }
        #expect(reloadable.current === second)
    }
}
