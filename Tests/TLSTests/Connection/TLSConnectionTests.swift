import NIOCore
import Testing

@testable import TLS

@Suite("A TLS connection in memory")
struct TLSConnectionTests {
    let authority: TestAuthority

    init() throws {
        authority = try TestAuthority()
    }

    private func opened(chunkBytes: Int = .max) throws -> ConnectionPair {
        var pair = try ConnectionPair(authority)
        pair.chunkBytes = chunkBytes
        let steps = pair.shakeHands()
        #expect(steps.client.isDone && steps.server.isDone)
        return pair
    }

    @Test("both sides agree on TLS 1.3 and the server learns who the client is")
    func handshake() throws {
        let pair = try opened()
        #expect(pair.client.version == .v1_3)
        #expect(pair.client.applicationProtocol == nil)
        let peer = try #require(try pair.server.peerCertificate())
        #expect(peer.uris == ["strongroom:alice"])
        #expect(peer.clientName == "alice")
        #expect(peer.subject == "CN=alice")
        #expect(peer.sha256.count == 32)
        let described = try CertificateFile.describe(path: authority.path("client.pem"))
        #expect(peer.sha256 == described.sha256)
        #expect(peer.notAfterUnix == described.notAfterUnix)
    }

    @Test("bytes arrive as sent, both ways, in pieces of any size", arguments: [1, 7, 1000, .max])
    func chunks(chunkBytes: Int) throws {
        let pair = try opened(chunkBytes: chunkBytes)
        let message = ByteBuffer(bytes: (0..<40_000).map { UInt8(truncatingIfNeeded: $0) })
        try pair.client.write(message)
        let up = pair.read(from: pair.client, at: pair.server)
        #expect(up.bytes == message)
        try pair.server.write(message)
        let down = pair.read(from: pair.server, at: pair.client)
        #expect(down.bytes == message)
        #expect(down.end.error == nil && !down.end.isDone)
    }

    @Test("one write becomes records of 16 KiB, and nothing else")
    func records() throws {
        let pair = try opened()
        try pair.client.write(ByteBuffer(repeating: 1, count: 3 * 16_384))
        let sent = try #require(pair.client.takeOutbound())
        // Header, inner content type and tag are 22 bytes a record.
        #expect(sent.readableBytes == 3 * (16_384 + 22))
        #expect(pair.client.takeOutbound() == nil)
    }

    @Test("no ticket follows the handshake")
    func noTickets() throws {
        let pair = try opened()
        #expect(pair.server.takeOutbound() == nil)
        #expect(pair.client.takeOutbound() == nil)
    }

    @Test("writing nothing sends nothing")
    func emptyWrite() throws {
        let pair = try opened()
        try pair.client.write(ByteBuffer())
        #expect(pair.client.takeOutbound() == nil)
    }

    @Test("a close_notify ends one direction and leaves the other open")
    func halfClose() throws {
        let pair = try opened()
        try pair.client.write(ByteBuffer(string: "last"))
        try pair.client.sendCloseNotify()
        let up = pair.read(from: pair.client, at: pair.server)
        #expect(up.bytes == ByteBuffer(string: "last"))
        #expect(up.end.isDone)
        try pair.server.write(ByteBuffer(string: "answer"))
        try pair.server.sendCloseNotify()
        let down = pair.read(from: pair.server, at: pair.client)
        #expect(down.bytes == ByteBuffer(string: "answer"))
        #expect(down.end.isDone)
    }

    @Test("a close_notify is sent once")
    func closeOnce() throws {
        let pair = try opened()
        try pair.client.sendCloseNotify()
        #expect(pair.client.takeOutbound() != nil)
        try pair.client.sendCloseNotify()
        #expect(pair.client.takeOutbound() == nil)
    }

    @Test("a stream cut anywhere gives only whole records, and never an end")
    func truncation() throws {
        let pair = try opened()
        try pair.client.write(ByteBuffer(string: "first"))
        let first = try #require(pair.client.takeOutbound())
        try pair.client.write(ByteBuffer(string: "second"))
        try pair.client.sendCloseNotify()
        var all = first
        all.writeImmutableBuffer(try #require(pair.client.takeOutbound()))
        var plaintext = ByteBuffer()
        var ends = 0
        // Byte by byte, the state after each is the state of a stream that was cut there.
        for count in 1...all.readableBytes {
            let byte = all.readSlice(length: 1)
            pair.server.receive(try #require(byte))
            let end = pair.server.read(into: &plaintext)
            #expect(end.error == nil)
            if end.isDone { ends += 1 }
            let whole = count < first.readableBytes ? "" : "first"
            #expect(String(buffer: plaintext).hasPrefix(whole))
            #expect(["", "first", "firstsecond"].contains(String(buffer: plaintext)))
            #expect(!end.isDone || all.readableBytes == 0)
        }
        #expect(ends == 1)
    }

    @Test("a byte changed on the way fails the connection for good")
    func tampering() throws {
        let pair = try opened()
        try pair.client.write(ByteBuffer(string: "hello"))
        var sent = try #require(pair.client.takeOutbound())
        let last = sent.writerIndex - 1
        let byte = try #require(sent.getInteger(at: last, as: UInt8.self) as UInt8?)
        sent.setInteger(byte ^ 1, at: last)
        pair.server.receive(sent)
        var plaintext = ByteBuffer()
        #expect(pair.server.read(into: &plaintext).error?.code == .protocolViolation)
        #expect(plaintext.readableBytes == 0)
        // The alert goes out; nothing else does.
        let alert = pair.read(from: pair.server, at: pair.client)
        #expect(alert.end.error?.code == .peerAlert)
        #expect(throws: TLSError.self) { try pair.server.write(ByteBuffer(string: "x")) }
        #expect(pair.server.read(into: &plaintext).error != nil)
    }

    @Test("bytes that are not TLS fail the handshake")
    func garbage() throws {
        let server = try TLSConnection(context: authority.serverContext(), role: .server)
        server.receive(ByteBuffer(string: "GET / HTTP/1.1\r\n\r\n"))
        #expect(server.handshake().error?.code == .handshakeFailed)
    }

    @Test("a context serves its own role only")
    func wrongRole() throws {
        let context = try authority.serverContext()
        #expect(throws: TLSError(.handshakeFailed, "")) {
            try TLSConnection(context: context, role: .client(hostname: "localhost"))
        }
    }

    @Test("connections keep the context that they began with")
    func contextOutlived() throws {
        let pair = try ConnectionPair(
            client: authority.clientContext(alpn: ["a"]),
            server: authority.serverContext(alpn: ["a"])
        )
        // Nobody but the pair holds the contexts, and the server's callback needs its list.
        #expect(pair.shakeHands().server.isDone)
        #expect(pair.server.applicationProtocol == "a")
    }
}
