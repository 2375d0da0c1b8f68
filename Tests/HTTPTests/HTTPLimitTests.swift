import NIOCore
import NIOEmbedded
import NIOHTTP1
import RPC
import Testing

@testable import HTTP

@Suite("Limits of HTTP connections")
struct HTTPLimitTests {
    private typealias HTTP = EmbeddedHTTP

    private func statuses(_ limits: HTTPLimits, _ requests: String...) throws -> [Int] {
        let http = try HTTP(limits: limits)
        try? http.receive(requests.joined())
        return try http.statuses()
    }

    @Test("a target at its limit is answered, one past it is 414")
    func target() throws {
        var limits = HTTPLimits()
        limits.maxTargetBytes = 20
        let target = "/now?" + String(repeating: "x", count: 15)
        #expect(try statuses(limits, HTTP.get(target)) == [200])
        #expect(try statuses(limits, HTTP.get(target + "x")) == [414])
    }

    @Test("a head at its limit is answered, one past it is 431")
    func head() throws {
        var limits = HTTPLimits()
        limits.maxHeadBytes = 100
        // The target, and names and values of both fields.
        let spare = 100 - "/now".count - "Hostx".count - "a".count
        let value = String(repeating: "v", count: spare)
        #expect(try statuses(limits, HTTP.get("/now", "a: \(value)\r\n")) == [200])
        #expect(try statuses(limits, HTTP.get("/now", "a: \(value)v\r\n")) == [431])
    }

    @Test("as many fields as the limit are answered, one more is 431")
    func fields() throws {
        var limits = HTTPLimits()
        limits.maxHeaderFields = 3
        #expect(try statuses(limits, HTTP.get("/now", "a: 1\r\nb: 2\r\n")) == [200])
        #expect(try statuses(limits, HTTP.get("/now", "a: 1\r\nb: 2\r\nc: 3\r\n")) == [431])
    }

    @Test("a body at its limit is taken, one past it is 413")
    func body() throws {
        var limits = HTTPLimits()
        limits.maxBodyBytes = 2
        let sized = HTTP.get("/now", "Content-Length: 2\r\n")
        #expect(try statuses(limits, sized, "ab", HTTP.get("/now")) == [200, 200])
        #expect(try statuses(limits, HTTP.get("/now", "Content-Length: 3\r\n")) == [413])
        let chunked = HTTP.get("/now", "Transfer-Encoding: chunked\r\n")
        #expect(try statuses(limits, chunked, "2\r\nab\r\n0\r\n\r\n") == [200])
        #expect(try statuses(limits, chunked, "2\r\nab\r\n1\r\nc\r\n0\r\n\r\n") == [413])
    }

    @Test("as many requests as the limit wait, one more is 429 in its turn")
    func outstanding() throws {
        var limits = HTTPLimits()
        limits.maxOutstanding = 3
        for (more, expected) in [(2, [200, 200, 200]), (3, [200, 200, 200, 429])] {
            let http = try HTTP(limits: limits)
            let rest = String(repeating: HTTP.get("/now"), count: more)
            try http.receive(HTTP.get("/later") + rest)
            http.held.all[0].send(HTTPResponse(.ok, ""))
            #expect(try http.statuses() == expected)
            #expect(http.isOpen == (more == 2))
        }
    }

    @Test("a connection closes with its last request's answer")
    func requests() throws {
        var limits = HTTPLimits()
        limits.maxRequests = 2
        let http = try HTTP(limits: limits)
        try http.receive(HTTP.get("/now"))
        #expect(http.isOpen)
        try http.receive(HTTP.get("/now") + HTTP.get("/now"))
        #expect(try http.statuses() == [200, 200])
        #expect(!http.isOpen)
    }

    @Test("a first request that is not whole in time ends the connection")
    func slowRequest() throws {
        let http = try HTTP()
        http.advance(by: .seconds(9))
        try http.receive("GET /now HTT")
        #expect(http.isOpen)
        http.advance(by: .seconds(1))
        #expect(!http.isOpen)
    }

    @Test("an idle connection ends, one whose request is being answered does not")
    func idle() throws {
        let http = try HTTP()
        try http.receive(HTTP.get("/later"))
        http.advance(by: .hours(1))
        #expect(http.isOpen)
        http.held.all[0].send(HTTPResponse(.ok, ""))
        #expect(try http.statuses() == [200])
        http.advance(by: .seconds(59))
        #expect(http.isOpen)
        http.advance(by: .seconds(1))
        #expect(!http.isOpen)
    }

    @Test("draining closes an idle connection, and another with its answer")
    func draining() throws {
        let idle = try HTTP()
        idle.drain()
        #expect(!idle.isOpen)
        let busy = try HTTP()
        try busy.receive(HTTP.get("/later"))
        busy.drain()
        #expect(busy.isOpen)
        busy.held.all[0].send(HTTPResponse(.ok, "x"))
        #expect(try busy.sent().contains("connection: close\r\n"))
        #expect(!busy.isOpen)
    }

    @Test("a peer that sends no more gets its answers")
    func inputClosed() throws {
        let http = try HTTP()
        try http.receive(HTTP.get("/later"))
        http.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        #expect(http.isOpen)
        http.held.all[0].send(HTTPResponse(.ok, "x"))
        #expect(try http.statuses() == [200])
        #expect(!http.isOpen)
    }
}
