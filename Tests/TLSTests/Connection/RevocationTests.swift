import Foundation
import Testing

@testable import TLS

@Suite("Revocation of a chain")
struct RevocationTests {
    let home: TestAuthority
    let chain: CertificateChain

    init() throws {
        home = try TestAuthority()
        chain = try CertificateChain(home)
    }

    /// A server that trusts the root and has these lists; nil: no file of lists.
    private func server(_ lists: [String]?) throws -> TLSContext {
        if let lists { try home.write(lists.joined(), to: "crl.pem") }
        return try TLSContext.server(
            certificatePath: home.path("server.pem"),
            keyPath: home.path("server-key.pem"),
            clientAuthorityPath: home.path("root.pem"),
            revocationListPath: lists.map { _ in home.path("crl.pem") }
        )
    }

    private func isLetIn(_ lists: [String]?) throws -> Bool {
        let client = try TLSContext.client(
            authorityPath: home.path("ca.pem"),
            certificatePath: home.path("leaf.pem"),
            keyPath: home.path("leaf-key.pem")
        )
        let pair = try ConnectionPair(client: client, server: server(lists))
        return pair.shakeHands().server.isDone
    }

    @Test("every certificate of the chain is looked up")
    func wholeChain() throws {
        let lists = [try chain.list(of: "root"), try chain.list(of: "mid")]
        #expect(try isLetIn(nil))
        #expect(try isLetIn(lists))
        try chain.revoke("mid", by: "root")
        #expect(try !isLetIn([try chain.list(of: "root"), lists[1]]))
        #expect(try isLetIn(nil))
        try chain.revoke("leaf", by: "mid")
        #expect(try !isLetIn([lists[0], try chain.list(of: "mid")]))
    }

    @Test("a chain with an issuer without a list is refused, whatever other lists there are")
    func missing() throws {
        let (root, mid) = (try chain.list(of: "root"), try chain.list(of: "mid"))
        #expect(try !isLetIn([root]))
        #expect(try !isLetIn([mid]))
        #expect(
            try server([mid]).revocationWarnings == [
                RevocationWarning(issuer: "CN=root", problem: .missing)
            ]
        )
        #expect(try server([root, mid]).revocationWarnings.isEmpty)
        #expect(try server(nil).revocationWarnings.isEmpty)
    }

    @Test("a list whose time is over or has not come refuses, and is named by its issuer")
    func times() throws {
        let root = try chain.list(of: "root")
        let expired = try chain.list(
            of: "mid",
            ["-crl_lastupdate", "20200101000000Z", "-crl_nextupdate", "20200201000000Z"]
        )
        #expect(try !isLetIn([root, expired]))
        #expect(
            try server([root, expired]).revocationWarnings == [
                RevocationWarning(issuer: "CN=mid", problem: .expired(sinceUnix: 1_580_515_200))
            ]
        )
        let later = try chain.list(
            of: "mid",
            ["-crl_lastupdate", "21000101000000Z", "-crl_nextupdate", "21000201000000Z"]
        )
        #expect(try !isLetIn([root, later]))
        #expect(
            try server([root, later]).revocationWarnings == [
                RevocationWarning(issuer: "CN=mid", problem: .notYetValid(untilUnix: 4_102_444_800))
            ]
        )
        let present = try chain.list(of: "mid")
        #expect(try isLetIn([root, expired, present, later]))
        #expect(try server([root, expired, present, later]).revocationWarnings.isEmpty)
    }

    @Test("the newest of an issuer's lists counts, in whichever order they lie")
    func newest() throws {
        let mid = try chain.list(of: "mid")
        let old = try chain.list(of: "root", ["-crl_lastupdate", "20250101000000Z"])
        try chain.revoke("mid", by: "root")
        let new = try chain.list(of: "root")
        #expect(try !isLetIn([old, new, mid]))
        #expect(try !isLetIn([new, old, mid]))
    }

    @Test("delta and indirect lists are refused with the file", arguments: ["delta", "indirect"])
    func incomplete(kind: String) throws {
        let list = try chain.list(of: "root", ["-crlexts", kind])
        let error = #expect(throws: TLSError(.certificate, "")) { try server([list]) }
        #expect(error?.message.contains("\(kind) revocation list of \"CN=root\"") == true)
        #expect(error?.message.contains("expected a complete list") == true)
    }
}
