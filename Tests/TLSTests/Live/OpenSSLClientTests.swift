import Foundation
import NIOCore
import Testing

@testable import TLS

@Suite("openssl s_client as a peer")
struct OpenSSLClientTests {
    let authority: TestAuthority

    init() throws {
        authority = try TestAuthority()
    }

    /// Connects, sends "hello bye" and reads until the server closes.
    private func connect(
        _ server: LiveServer,
        identity: String? = "client",
        _ more: [String] = []
    ) async throws -> OpenSSLTool.Result {
        var arguments = [
            "s_client", "-connect", "127.0.0.1:\(server.port)", "-quiet", "-verify_return_error",
            "-CAfile", authority.path("ca.pem"), "-verify_hostname", "localhost",
        ]
        if let identity {
            arguments += [
                "-cert", authority.path(identity + ".pem"),
                "-key", authority.path(identity + "-key.pem"),
            ]
        }
        let all = arguments + more
        return try await OpenSSLTool.runAside(all, input: "hello bye\n")
    }

    @Test("TLS 1.3 with a client's certificate works", arguments: ["client", nil])
    func works(identity: String?) async throws {
        let server = try await LiveServer(authority.serverContext(alpn: ["ttrpc"]))
        let result = try await connect(server, identity: identity, ["-tls1_3"])
        #expect(result.output.contains("hello bye"), "\(result.output)")
        let outcome = try await server.outcome.get()
        #expect(outcome.isShaken && outcome.error == nil)
        #expect(outcome.peer == identity.map { _ in "alice" })
        try await server.stop()
    }

    @Test("TLS 1.2 is refused by default")
    func version12Refused() async throws {
        let server = try await LiveServer(authority.serverContext())
        let result = try await connect(server, ["-tls1_2"])
        #expect(result.status != 0)
        #expect(result.output.contains("alert protocol version"), "\(result.output)")
        #expect(try await server.outcome.get().error?.code == .handshakeFailed)
        try await server.stop()
    }

    @Test("TLS 1.2 works where it was chosen, with ECDHE and AEAD")
    func version12Chosen() async throws {
        let server = try await LiveServer(authority.serverContext(minimum: .v1_2))
        let result = try await connect(server, ["-tls1_2"])
        #expect(result.output.contains("hello bye"), "\(result.output)")
        #expect(try await server.outcome.get().peer == "alice")
        try await server.stop()
    }

    @Test("TLS 1.2 without AEAD is refused where 1.2 was chosen")
    func version12CBC() async throws {
        let server = try await LiveServer(authority.serverContext(minimum: .v1_2))
        let result = try await connect(
            server,
            ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA256"]
        )
        #expect(result.status != 0)
        #expect(try await server.outcome.get().error?.code == .handshakeFailed)
        try await server.stop()
    }

    @Test("an expired client certificate is refused, and the client is told")
    func expiredClient() async throws {
        let now = Int64(Date().timeIntervalSince1970)
        try authority.write(
            authority.authority.issueClient(
                name: "old",
                validity: CertificateValidity(
                    notBeforeUnix: now - 7200,
                    notAfterUnix: now - 3600
                )
            ),
            as: "old"
        )
        let server = try await LiveServer(authority.serverContext())
        let result = try await connect(server, identity: "old")
        #expect(result.output.contains("alert certificate expired"), "\(result.output)")
        let outcome = try await server.outcome.get()
        #expect(outcome.error?.code == .untrustedPeer && !outcome.isShaken)
        try await server.stop()
    }

    @Test("a client's wrong ALPN gets the alert made for it")
    func wrongALPN() async throws {
        let server = try await LiveServer(authority.serverContext(alpn: ["ttrpc"]))
        let result = try await connect(server, ["-alpn", "h2,http/1.1"])
        #expect(result.output.contains("alert no application protocol"), "\(result.output)")
        try await server.stop()
    }

    @Test("the session cannot be resumed: no ticket is sent")
    func noTicket() async throws {
        let server = try await LiveServer(authority.serverContext())
        let session = authority.path("session")
        _ = try await connect(server, ["-sess_out", session])
        #expect(!FileManager.default.fileExists(atPath: session))
        try await server.stop()
    }

    @Test(
        "the server's order of suites decides, not the client's",
        arguments: [
            ("-tls1_3", "-ciphersuites", "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256"),
            (
                "-tls1_3", "-ciphersuites",
                "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384"
            ),
            (
                "-tls1_2", "-cipher",
                "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-GCM-SHA256:"
                    + "ECDHE-ECDSA-AES256-GCM-SHA384"
            ),
        ]
    )
    func suites(version: String, option: String, offered: String) async throws {
        let chosen =
            switch (version, offered.contains("AES_256")) {
            case ("-tls1_3", false): "TLS_CHACHA20_POLY1305_SHA256"
            case ("-tls1_3", true): "TLS_AES_256_GCM_SHA384"
            default: "ECDHE-ECDSA-AES256-GCM-SHA384"
            }
        let server = try await LiveServer(authority.serverContext(minimum: .v1_2))
        // Said on standard error in the place of the whole state of the connection.
        let result = try await connect(server, [version, option, offered, "-brief"])
        #expect(result.output.contains("Ciphersuite: \(chosen)"), "\(result.output)")
        try await server.stop()
    }

    @Test("a client on the revocation list is refused, another is not")
    func revoked() async throws {
        try authority.write(authority.authority.issueClient(name: "bob"), as: "bob")
        try authority.write("", to: "index.txt")
        try authority.write("01\n", to: "crlnumber")
        try authority.write(
            """
            [ca]
            default_ca = own
            [own]
            database = \(authority.path("index.txt"))
            crlnumber = \(authority.path("crlnumber"))
            default_md = sha256
            default_crl_days = 30
            crl_extensions = extensions
            [extensions]
            authorityKeyIdentifier = keyid:always

            """,
            to: "ca.conf"
        )
        let common = [
            "ca", "-config", authority.path("ca.conf"), "-cert", authority.path("ca.pem"),
            "-keyfile", authority.path("ca-key.pem"),
        ]
        for step in [
            ["-revoke", authority.path("bob.pem")], ["-gencrl", "-out", authority.path("crl.pem")],
        ] {
            let result = try OpenSSLTool.run(common + step)
            #expect(result.status == 0, "\(result.output)")
        }
        for (identity, isRevoked) in [("bob", true), ("client", false)] {
            let server = try await LiveServer(
                authority.serverContext(revocationList: "crl.pem")
            )
            let result = try await connect(server, identity: identity)
            #expect(result.output.contains("alert certificate revoked") == isRevoked)
            #expect(try await server.outcome.get().isShaken == !isRevoked)
            try await server.stop()
        }
    }
}
