import NIOHTTP1
import Testing

@testable import HTTP

@Suite("HTTP routes")
struct HTTPRouterTests {
    private let router = HTTPRouter([
        HTTPRoute(.GET, "/a") { _, reply in reply.send(HTTPResponse(.ok, "a")) },
        HTTPRoute(.POST, "/b") { _, reply in reply.send(HTTPResponse(.ok, "b")) },
        HTTPRoute(.PUT, "/b") { _, reply in reply.send(HTTPResponse(.ok, "b")) },
    ])

    private func found(_ method: HTTPMethod, _ path: String) -> String {
        switch router.lookup(method, path) {
        case .found: "found"
        case .unknownPath: "unknown path"
        case .wrongMethod(let allowed): allowed.joined(separator: " ")
        }
    }

    @Test("a path is matched byte for byte")
    func paths() {
        #expect(found(.GET, "/a") == "found")
        for path in ["/", "/a/", "/A", "/%61", "//a", "/a/../a", "/ab", ""] {
            #expect(found(.GET, path) == "unknown path")
        }
    }

    @Test("HEAD goes where GET does, and nowhere else")
    func head() {
        #expect(found(.HEAD, "/a") == "found")
        #expect(found(.HEAD, "/b") == "POST PUT")
    }

    @Test("a wrong method is told the right ones")
    func methods() {
        #expect(found(.POST, "/a") == "GET HEAD")
        #expect(found(.RAW(value: "get"), "/a") == "GET HEAD")
        #expect(found(.GET, "/b") == "POST PUT")
    }

    @Test(
        "a target is a path and a query",
        arguments: [
            ("/a", "/a", ""), ("/a?b=c?d", "/a", "b=c?d"), ("/?", "/", ""),
            ("http://host:1/a?q", "/a", "q"), ("HTTPS://host/a", "/a", ""),
        ]
    )
    func targets(target: String, path: String, query: String) throws {
        let parts = try #require(IncomingRequest.path(of: target))
        #expect(parts.path == path)
        #expect(parts.query == query)
    }

    @Test("a target without a path is none", arguments: ["", "*", "a", "http://host", "?/"])
    func noTargets(target: String) {
        #expect(IncomingRequest.path(of: target) == nil)
    }
}
