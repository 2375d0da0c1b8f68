import TLS
import Testing

@testable import RPC

@Suite("Principal")
struct PrincipalTests {
    private func principal(_ uris: [String]) -> Principal {
        Principal(PeerCertificate(uris: uris, subject: "CN=x", notAfterUnix: 0, sha256: []))
    }

    @Test("one URI with a valid name makes a principal")
    func valid() {
        #expect(principal(["strongroom:alice"]) == .certificate("alice"))
        #expect(principal(["strongroom:alice"]).text == "cert:alice")
        let longest = String(repeating: "a", count: 64)
        #expect(principal(["strongroom:\(longest)"]) == .certificate(longest))
    }

    @Test(
        "everything else is anonymous",
        arguments: [
            [], ["strongroom:"], ["alice"], ["strongroom:a", "strongroom:b"],
            ["strongroom:a", "https://example.org"], ["Strongroom:a"], ["strongroom:.a"],
            ["strongroom:a b"], ["strongroom:a:b"], ["strongroom:é"], ["strongroom:a\n"],
            ["strongroom:*"], ["strongroom:" + String(repeating: "a", count: 65)],
        ]
    )
    func invalid(uris: [String]) {
        #expect(principal(uris) == .anonymous)
    }

    @Test("a client without a certificate is anonymous")
    func none() {
        #expect(Principal(nil) == .anonymous)
        #expect(Principal.anonymous.text == "anonymous")
        #expect(Principal.user(1000).text == "uid:1000")
    }
}
