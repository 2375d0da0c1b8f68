import Registry
import Testing

@Suite("Pages of the audit log")
struct AuditPageTests {
    private let home: TestHome
    private let registry: Registry

    /// Events 1 (of no model), then of a, b, b, a, b, a, b, b: 2 to 9.
    private static let models = ["a", "b", "b", "a", "b", "a", "b", "b"]

    init() throws {
        home = try TestHome()
        registry = try home.open()
        for model in Self.models { _ = try registry.publishSmall(model) }
    }

    private func page(
        _ model: String? = nil,
        after sequence: UInt64 = 0,
        limit: Int = 100,
        scanLimit: Int = 1_000,
        sees visible: Set<String>
    ) throws -> (sequences: [UInt64], next: UInt64?) {
        let page = try registry.auditPage(
            model: model,
            after: sequence,
            limit: limit,
            scanLimit: scanLimit,
            where: visible.contains
        )
        return (page.events.map(\.sequence), page.next)
    }

    /// All pages of one size, one after the other.
    private func pages(limit: Int, scanLimit: Int = 1_000, sees visible: Set<String>) throws
        -> [[UInt64]]
    {
        var pages: [[UInt64]] = []
        var next: UInt64? = 0
        while let after = next {
            let page = try page(after: after, limit: limit, scanLimit: scanLimit, sees: visible)
            pages.append(page.sequences)
            next = page.next
        }
        return pages
    }

    @Test("pages of any size hold all that the caller may see, filled past hidden events")
    func sizes() throws {
        #expect(try pages(limit: 1, sees: ["a"]) == [[2], [5], [7], []])
        #expect(try pages(limit: 2, sees: ["a"]) == [[2, 5], [7]])
        #expect(try pages(limit: 3, sees: ["a"]) == [[2, 5, 7], []])
        #expect(try pages(limit: 4, sees: ["a"]) == [[2, 5, 7]])
        #expect(try pages(limit: 4, sees: ["", "a", "b"]) == [[1, 2, 3, 4], [5, 6, 7, 8], [9]])
        #expect(try pages(limit: 100, sees: []) == [[]])
    }

    @Test("a full page has a next one whether hidden events follow or not")
    func tail() throws {
        #expect(try page(limit: 3, sees: ["a"]).next == 7)
        #expect(try page(after: 7, limit: 3, sees: ["a"]).next == nil)
        #expect(try page(limit: 5, sees: ["b"]).next == 9)
        #expect(try page(after: 9, limit: 5, sees: ["b"]).next == nil)
    }

    @Test("a call reads a bounded number of events, and the next one goes on behind them")
    func scan() throws {
        #expect(try page(scanLimit: 1, sees: ["a"]) == ([], 1))
        #expect(try page(after: 2, scanLimit: 2, sees: ["a"]) == ([], 4))
        #expect(try pages(limit: 2, scanLimit: 3, sees: ["a"]) == [[2], [5], [7], []])
        let all = try pages(limit: 10, scanLimit: 1, sees: ["b"]).flatMap { $0 }
        #expect(all == [3, 4, 6, 8, 9])
    }

    @Test("a hidden model reads as one that is not there, however many events it has")
    func hidden() throws {
        for model in ["b", "absent"] {
            #expect(try page(model, limit: 1, scanLimit: 1, sees: ["a"]) == ([], nil))
        }
        #expect(try page("b", limit: 1, sees: ["b"]) == ([3], 3))
        #expect(try page("a", after: .max, sees: ["a"]) == ([], nil))
    }

    @Test("a token is for its caller, its filter and its registry, before and after a restart")
    func tokens() throws {
        let tokens = registry.auditTokens
        let token = try tokens.token(after: 7, principal: "cert:ann", model: "a")
        #expect(token.utf8.count == AuditTokens.characters)
        #expect(try tokens.sequence(of: token, principal: "cert:ann", model: "a") == 7)
        func refused(_ token: String, by tokens: AuditTokens, _ principal: String, _ model: String)
            -> Bool
        {
            refusal { try tokens.sequence(of: token, principal: principal, model: model) }
                == .invalidArgument
        }
        #expect(refused(token, by: tokens, "cert:bob", "a"))
        #expect(refused(token, by: tokens, "cert:ann", ""))
        #expect(refused(token, by: tokens, "cert:ann", "b"))
        #expect(refused(token, by: tokens, "cert:anna", ""))
        let other = try TestHome()
        let kept = try other.open().auditTokens.token(after: 7, principal: "cert:ann", model: "a")
        #expect(refused(kept, by: tokens, "cert:ann", "a"))
        // As after a restart.
        let again = try other.open().auditTokens
        #expect(try again.sequence(of: kept, principal: "cert:ann", model: "a") == 7)
        #expect(refused(token, by: again, "cert:ann", "a"))
    }

    @Test("a text that is no token is refused")
    func malformed() throws {
        let tokens = registry.auditTokens
        let token = try tokens.token(after: .max, principal: "cert:ann", model: "")
        let sized = String(repeating: "A", count: AuditTokens.characters)
        let texts = [
            "1", "A", String(token.dropLast()), token + "A", String(token.dropLast(4)), sized,
            String(repeating: "-", count: AuditTokens.characters), token.lowercased(),
            String(repeating: "A", count: 1 << 20), token + token, " " + token,
        ]
        for text in texts {
            let code = refusal {
                try tokens.sequence(of: text, principal: "cert:ann", model: "")
            }
            #expect(code == .invalidArgument, "\(text.prefix(100))")
        }
        #expect(try tokens.sequence(of: token, principal: "cert:ann", model: "") == .max)
    }
}
