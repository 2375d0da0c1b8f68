import NIOCore
import Testing

@testable import TLS

@Suite("What a peer must show")
struct PeerVerificationTests {
    let authority: TestAuthority

    init() throws {
        authority = try TestAuthority()
    }

    @Test("a client without a certificate is let in as nobody")
    func anonymousClient() throws {
        let pair = try ConnectionPair(authority, identity: nil)
        let steps = pair.shakeHands()
        #expect(steps.client.isDone && steps.server.isDone)
        #expect(try pair.server.peerCertificate() == nil)
        #expect(try pair.client.peerCertificate()?.subject == "CN=localhost")
    }

    @Test("a client of another authority is refused, and told so")
    func unknownAuthority() throws {
        let other = try TestAuthority()
        let client = try TLSContext.client(
            authorityPath: authority.path("ca.pem"),
            certificatePath: other.path("client.pem"),
            keyPath: other.path("client-key.pem")
        )
        let pair = try ConnectionPair(client: client, server: authority.serverContext())
        let steps = pair.shakeHands()
        #expect(steps.server.error?.code == .untrustedPeer)
        #expect(try pair.server.peerCertificate() == nil)
    }

    @Test("the refusal reaches the client as an alert")
    func alert() throws {
        let other = try TestAuthority()
        let client = try TLSContext.client(
            authorityPath: authority.path("ca.pem"),
            certificatePath: other.path("client.pem"),
            keyPath: other.path("client-key.pem")
        )
        let server = try TLSConnection(context: authority.serverContext(), role: .server)
        let connection = try TLSConnection(
            context: client,
            role: .client(hostname: "localhost")
        )
        #expect(connection.handshake().error == nil)
        server.receive(try #require(connection.takeOutbound()))
        #expect(server.handshake().error == nil)
        connection.receive(try #require(server.takeOutbound()))
        // TLS 1.3: the client is done before the server has looked.
        #expect(connection.handshake().isDone)
        server.receive(try #require(connection.takeOutbound()))
        #expect(server.handshake().error?.code == .untrustedPeer)
        connection.receive(try #require(server.takeOutbound()))
        var plaintext = ByteBuffer()
        #expect(connection.read(into: &plaintext).error?.code == .peerAlert)
    }

    @Test("a server's certificate does not make a client")
    func wrongPurpose() throws {
        let pair = try ConnectionPair(
            client: authority.clientContext(identity: "server"),
            server: authority.serverContext()
        )
        #expect(pair.shakeHands().server.error?.code == .untrustedPeer)
    }

    @Test("a client's certificate does not make a server")
    func clientAsServer() throws {
        let server = try TLSContext.server(
            certificatePath: authority.path("client.pem"),
            keyPath: authority.path("client-key.pem"),
            clientAuthorityPath: nil
        )
        let pair = try ConnectionPair(client: authority.clientContext(), server: server)
        #expect(pair.shakeHands().client.error?.code == .untrustedPeer)
    }

    @Test(
        "a server is known by each of its names and addresses",
        arguments: ["localhost", "LOCALHOST", "127.0.0.1", "::1", "0:0:0:0:0:0:0:1"]
    )
    func knownHost(hostname: String) throws {
        let pair = try ConnectionPair(
            client: authority.clientContext(),
            server: authority.serverContext(),
            hostname: hostname
        )
        #expect(pair.shakeHands().client.isDone)
    }

    @Test(
        "a server is not taken for another",
        arguments: ["example.org", "127.0.0.2", "::2", "localhost.example.org", "a.localhost"]
    )
    func wrongHost(hostname: String) throws {
        let pair = try ConnectionPair(
            client: authority.clientContext(),
            server: authority.serverContext(),
            hostname: hostname
        )
        let steps = pair.shakeHands()
        #expect(steps.client.error?.code == .untrustedPeer)
        #expect(steps.server.error?.code == .peerAlert)
    }

    @Test(
        "what cannot be a host name is refused before a byte is sent",
        arguments: ["", "a b", "a\0b", String(repeating: "a", count: 254)]
    )
    func malformedHost(hostname: String) throws {
        let context = try authority.clientContext()
        #expect(throws: TLSError(.handshakeFailed, "")) {
            try TLSConnection(context: context, role: .client(hostname: hostname))
        }
    }

    @Test("a server of another authority is refused")
    func unknownServer() throws {
        let other = try TestAuthority()
        let pair = try ConnectionPair(
            client: authority.clientContext(),
            server: other.serverContext()
        )
        #expect(pair.shakeHands().client.error?.code == .untrustedPeer)
    }

    @Test("the authority itself is no server")
    func authorityAsServer() throws {
        let server = try TLSContext.server(
            certificatePath: authority.path("ca.pem"),
            keyPath: authority.path("ca-key.pem"),
            clientAuthorityPath: nil
        )
        let pair = try ConnectionPair(client: authority.clientContext(), server: server)
        #expect(pair.shakeHands().client.error?.code == .untrustedPeer)
    }
}

@Suite("Application protocols")
struct ApplicationProtocolTests {
    let authority: TestAuthority

    init() throws {
        authority = try TestAuthority()
    }

    @Test("the server's first choice among the offered ones is taken")
    func choice() throws {
        let pair = try ConnectionPair(
            client: authority.clientContext(alpn: ["http/1.1", "ttrpc"]),
            server: authority.serverContext(alpn: ["ttrpc", "http/1.1"])
        )
        #expect(pair.shakeHands().server.isDone)
        #expect(pair.client.applicationProtocol == "ttrpc")
    }

    @Test("no overlap is a fatal alert")
    func noOverlap() throws {
        let pair = try ConnectionPair(
            client: authority.clientContext(alpn: ["h2"]),
            server: authority.serverContext(alpn: ["ttrpc"])
        )
        let steps = pair.shakeHands()
        #expect(steps.server.error?.code == .handshakeFailed)
        #expect(steps.client.error?.code == .peerAlert)
    }

    @Test("a client that offers none is accepted")
    func noneOffered() throws {
        let pair = try ConnectionPair(
            client: authority.clientContext(),
            server: authority.serverContext(alpn: ["ttrpc"])
        )
        #expect(pair.shakeHands().server.isDone)
        #expect(pair.server.applicationProtocol == nil)
    }

    @Test("a name has 1 to 255 bytes", arguments: [0, 256])
    func nameLength(count: Int) throws {
        let name = String(repeating: "a", count: count)
        #expect(throws: TLSError(.handshakeFailed, "")) {
            try authority.clientContext(alpn: [name])
        }
    }

    @Test("a name of 255 bytes is taken")
    func longestName() throws {
        let name = String(repeating: "a", count: 255)
        let pair = try ConnectionPair(
            client: authority.clientContext(alpn: [name]),
            server: authority.serverContext(alpn: [name])
        )
        #expect(pair.shakeHands().server.isDone)
        #expect(pair.server.applicationProtocol == name)
    }

    @Test(
        "a malformed offer overlaps with nothing",
        arguments: [[], [0], [5, 97], [1, 97, 0], [1, 97, 9]] as [[UInt8]]
    )
    func malformedOffer(offered: [UInt8]) {
        #expect(firstCommon(ours: [1, 97], offered: offered) == nil)
    }
}

@Suite("Protocol versions")
struct VersionTests {
    @Test("where both sides allow TLS 1.2, TLS 1.3 is still what they take")
    func version12() throws {
        let authority = try TestAuthority()
        let pair = try ConnectionPair(
            client: authority.clientContext(minimum: .v1_2),
            server: authority.serverContext(minimum: .v1_2)
        )
        #expect(pair.shakeHands().server.isDone)
        // The highest that both speak, all the same.
        #expect(pair.server.version == .v1_3)
    }
}
