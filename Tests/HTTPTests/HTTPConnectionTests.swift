import NIOCore
import NIOEmbedded
import NIOHTTP1
import RPC
import Testing

@testable import HTTP

@Suite("HTTP connections")
struct HTTPConnectionTests {
    private typealias HTTP = EmbeddedHTTP

    @Test("an answer is status, type, length and body, and the connection stays")
    func answer() throws {
        let http = try HTTP()
        try http.receive(HTTP.get("/now?hi"))
        #expect(
            try http.sent() == "HTTP/1.1 200 OK\r\ncontent-type: text/plain; charset=utf-8\r\n"
                + "content-length: 3\r\n\r\nhi\n"
        )
        try http.receive(HTTP.get("/now?again"))
        #expect(try http.sent().hasSuffix("again\n"))
        #expect(http.isOpen)
    }

    @Test("HEAD is answered as GET, without the body")
    func head() throws {
        let http = try HTTP()
        try http.receive("HEAD /now?hi HTTP/1.1\r\nHost: x\r\n\r\n")
        let sent = try http.sent()
        #expect(sent.contains("content-length: 3\r\n"))
        #expect(sent.hasSuffix("\r\n\r\n"))
        #expect(http.isOpen)
    }

    @Test("a request may come one byte at a time")
    func oneByteAtATime() throws {
        let http = try HTTP()
        for byte in HTTP.get("/now?slow") { try http.receive(String(byte)) }
        #expect(try http.sent().hasSuffix("slow\n"))
    }

    @Test("requests in one read are answered in their order")
    func pipelined() throws {
        let http = try HTTP()
        try http.receive(HTTP.get("/now?1") + HTTP.get("/later") + HTTP.get("/now?3"))
        #expect(try http.sent().hasSuffix("1\n"))
        try #require(http.held.all.count == 1)
        http.held.all[0].send(HTTPResponse(.ok, "2"))
        let sent = try http.sent()
        #expect(sent.contains("\r\n\r\n2\nHTTP/1.1 200 OK"))
        #expect(sent.hasSuffix("\r\n\r\n3\n"))
    }

    @Test("a second answer, and one that comes when the peer has gone, are dropped")
    func late() throws {
        let http = try HTTP()
        try http.receive(HTTP.get("/later"))
        try http.channel.close().wait()
        http.held.all[0].send(HTTPResponse(.ok, "late"))
        #expect(try http.sent().isEmpty)
    }

    @Test("who asks, and from where, is told")
    func principal() throws {
        let http = try HTTP(principal: .certificate("alice"))
        try http.receive(HTTP.get("/who"))
        #expect(try http.sent().hasSuffix("cert:alice here\n"))
        #expect(try !SocketAddress(ipAddress: "10.0.0.1", port: 1).isLoopback)
        #expect(try !SocketAddress(ipAddress: "::2", port: 1).isLoopback)
        #expect(try SocketAddress(ipAddress: "::1", port: 1).isLoopback)
        #expect(try SocketAddress(ipAddress: "::ffff:127.0.0.1", port: 1).isLoopback)
        #expect(try !SocketAddress(unixDomainSocketPath: "/127.0.0.1").isLoopback)
    }

    @Test(
        "what cannot be answered is told why, and the connection closed",
        arguments: [
            (400, "GET now HTTP/1.1\r\nHost: x\r\n\r\n"),
            (400, "GET /now HTTP/1.1\r\n\r\n"),
            (400, "GET /now HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n"),
            (400, "GET /now HTTP/1.1\r\nHost: x\r\nbad header\r\n\r\n"),
            (400, "Get /now HTTP/1.1\r\nHost: x\r\n\r\n"),
            (400, "GET /now HTTP/1.1\r\nHost: x\r\nContent-Length: 1x\r\n\r\n"),
            (404, HTTP.get("/nowhere")),
            (404, HTTP.get("/now/../now")),
            (405, "POST /now HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"),
            (405, "DELETE /now HTTP/1.1\r\nHost: x\r\n\r\n"),
            (413, HTTP.get("/now", "Content-Length: 1\r\n")),
            (413, HTTP.get("/now", "Content-Length: 99999999999999\r\n")),
            (413, HTTP.get("/now", "Transfer-Encoding: chunked\r\n")),
        ]
    )
    func refused(status: Int, request: String) throws {
        let http = try HTTP()
        // What follows is not looked at.
        try? http.receive(request + HTTP.get("/now"))
        let sent = try http.sent()
        #expect(sent.hasPrefix("HTTP/1.1 \(status) "))
        #expect(sent.contains("connection: close\r\n"))
        #expect(sent.ranges(of: "HTTP/1.1").count == 1)
        #expect(!http.isOpen)
    }

    @Test("a wrong method is told the right ones")
    func allow() throws {
        let http = try HTTP()
        try http.receive("PUT /now HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(try http.sent().contains("allow: GET, HEAD\r\n"))
    }

    @Test(
        "a request for another protocol is answered, and the connection closes",
        arguments: [
            "Connection: Upgrade\r\nUpgrade: websocket\r\n",
            "Connection: upgrade\r\nUpgrade: h2c, foo/2\r\nHTTP2-Settings: AAMAAABk\r\n",
            "Connection: keep-alive, Upgrade\r\nUpgrade: TLS/1.0\r\nContent-Length: 0\r\n",
            "Upgrade: websocket\r\n", "Upgrade:\r\n",
        ]
    )
    func upgrade(fields: String) throws {
        for more in ["", HTTP.get("/now?second"), "\u{0}\u{1}binary"] {
            let http = try HTTP()
            try http.receive(HTTP.get("/now?first", fields) + more)
            let sent = try http.sent()
            #expect(sent.hasPrefix("HTTP/1.1 200 OK\r\n"))
            #expect(sent.contains("connection: close\r\n"))
            #expect(sent.hasSuffix("first\n"))
            #expect(!http.isOpen)
        }
    }

    @Test("a request for another protocol waits for its turn as others do")
    func upgradeInItsTurn() throws {
        let http = try HTTP()
        try http.receive(HTTP.get("/later") + HTTP.get("/now?2", "Upgrade: websocket\r\n"))
        #expect(http.isOpen)
        http.held.all[0].send(HTTPResponse(.ok, "1"))
        let sent = try http.sent()
        #expect(sent.contains("\r\n\r\n1\nHTTP/1.1 200 OK"))
        #expect(sent.hasSuffix("2\n"))
        #expect(!http.isOpen)
    }

    @Test(
        "other ways to another protocol are refused, and the connection closes",
        arguments: [
            (413, HTTP.get("/now", "Upgrade: h2c\r\nConnection: Upgrade\r\nContent-Length: 3\r\n")),
            (413, HTTP.get("/now", "Upgrade: h2c\r\nTransfer-Encoding: chunked\r\n")),
            (400, "CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\n"),
            (405, "CONNECT /now HTTP/1.1\r\nHost: x\r\n\r\n"),
            (400, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
            (413, HTTP.get("/now", "Expect: 100-continue\r\nContent-Length: 3\r\n")),
        ]
    )
    func otherUpgrade(status: Int, request: String) throws {
        let http = try HTTP()
        try? http.receive(request)
        #expect(try http.statuses() == [status])
        #expect(!http.isOpen)
    }

    @Test("a request without a body that expects a go-ahead is answered")
    func expect() throws {
        let http = try HTTP()
        try http.receive(HTTP.get("/now", "Expect: 100-continue\r\n") + HTTP.get("/now"))
        #expect(try http.statuses() == [200, 200])
        #expect(http.isOpen)
    }

    @Test("a connection that is asked to close, and one of HTTP/1.0, closes with its answer")
    func closing() throws {
        for request in [
            HTTP.get("/now?x", "Connection: close\r\n"), "GET /now?x HTTP/1.0\r\n\r\n",
        ] {
            let http = try HTTP()
            try http.receive(request)
            let sent = try http.sent()
            #expect(sent.contains("connection: close\r\n"))
            #expect(sent.hasSuffix("x\n"))
            #expect(!http.isOpen)
        }
    }
}
