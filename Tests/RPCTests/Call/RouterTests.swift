import NIOCore
import Testing

@testable import RPC

@Suite("Router")
struct RouterTests {
    private func method(_ service: String, _ name: String) -> RPC.Method {
        RPC.Method(service: service, name: name) { call, _ in call.succeed(ByteBuffer()) }
    }

    private func describe(_ router: Router, _ service: String, _ name: String) -> String {
        switch router.lookup(
            service: ByteBuffer(string: service),
            method: ByteBuffer(string: name)
        )
        {
        case .found(let route): route.path
        case .unknownMethod: "unknown method"
        case .unknownService: "unknown service"
        }
    }

    @Test("every method of a large table is found, and no other")
    func lookup() throws {
        let methods = (0..<40).flatMap { service in
            (0..<25).map { method("pkg.S\(service)", "M\($0)") }
        }
        let router = try Router(methods: methods)
        for method in methods {
            let path = "/\(method.service)/\(method.name)"
            #expect(describe(router, method.service, method.name) == path)
        }
        #expect(describe(router, "pkg.S1", "M25") == "unknown method")
        #expect(describe(router, "pkg.S40", "M1") == "unknown service")
    }

    @Test(
        "names match to the byte",
        arguments: [
            ("", ""), ("a.B", "c"), ("a.B", "Cc"), ("a.B", ""), ("a.b", "C"), ("a", ".B/C"),
            ("a.B/C", ""), ("a.B", "C\0"),
        ]
    )
    func exactNames(service: String, name: String) throws {
        let router = try Router(methods: [method("a.B", "C")])
        #expect(describe(router, service, name).hasPrefix("unknown"))
    }

    @Test("an empty router knows no service")
    func empty() throws {
        #expect(describe(try Router(methods: []), "a", "b") == "unknown service")
    }

    @Test("a method that is there twice is refused")
    func duplicate() {
        #expect(throws: RPCError(.invalidMethod, "")) {
            try Router(methods: [method("a", "b"), method("a", "c"), method("a", "b")])
        }
    }

    @Test(
        "names that cannot be called are refused",
        arguments: [
            ("", "b"), ("a", ""), ("a/b", "c"), ("a", "/b"),
            (String(repeating: "a", count: 513), "b"),
        ]
    )
    func badNames(service: String, name: String) {
        #expect(throws: RPCError(.invalidMethod, "")) {
            try Router(methods: [method(service, name)])
        }
    }

    @Test("the longest name is accepted")
    func longName() throws {
        let name = String(repeating: "a", count: 512)
        let router = try Router(methods: [method(name, name)])
        #expect(describe(router, name, name) == "/\(name)/\(name)")
    }
}
