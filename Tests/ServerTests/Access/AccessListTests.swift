import Testing
import Text

@testable import Server

@Suite("Grants")
struct AccessListTests {
    @Test("what is written is read back")
    func roundTrip() throws {
        let list = AccessList(grants: [
            Grant(principal: "cert:alice", role: .predictor, models: ModelPattern("sentiment*")),
            Grant(principal: "uid:1000", role: .admin, models: .any),
        ])
        #expect(try AccessList(json: Array(list.json.utf8)) == list)
    }

    @Test("a byte order mark and carriage returns are accepted")
    func foreignEditors() throws {
        let text = "{\"grants\": [\r\n{\"principal\": \"cert:bob\", \"role\": \"admin\"}\r\n]}\r\n"
        let list = try AccessList(json: Array(("\u{FEFF}" + text).utf8))
        #expect(list.grants.map(\.principal) == ["cert:bob"])
    }

    @Test("a grant without models is for all of them")
    func defaultModels() throws {
        let text = #"{"grants": [{"principal": "cert:bob", "role": "observer"}]}"#
        let list = try AccessList(json: Array(text.utf8))
        #expect(list.roles(of: "cert:bob", model: "anything") == [.observer])
        #expect(list.roles(of: "cert:alice", model: "anything").isEmpty)
    }

    @Test(
        "a malformed file is refused with the place",
        arguments: [
            (#"{"grants": [}"#, "line 1"),
            (#"{"grants": [], "more": 1}"#, "nothing else"),
            (#"{"grants": [{"principal": "alice", "role": "admin"}]}"#, "grants[0]"),
            (#"{"grants": [{"principal": "cert:a", "role": "king"}]}"#, "'role'"),
            (#"{"grants": [{"principal": "cert:a", "role": "admin", "model": "x"}]}"#, "'model'"),
            (#"{"grants": [{"principal": "cert:a", "role": "admin", "models": 1}]}"#, "'models'"),
        ]
    )
    func malformed(text: String, part: String) {
        let error = #expect(throws: ServerError.self) {
            try AccessList(json: Array(text.utf8))
        }
        #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
    }

    @Test(
        "a pattern's star stands for any run of characters",
        arguments: [
            ("*", "", true), ("*", "a", true), ("sent*", "sentiment", true),
            ("*ment", "sentiment", true), ("s*t*t", "sentiment", true), ("s*x", "sentiment", false),
            ("sentiment", "sentiment", true), ("sentiment", "sentiments", false), ("", "a", false),
            ("a?c", "abc", false), ("a.c", "abc", false), ("**b", "aab", true),
            ("a*b*c", "aXbXbXc", true),
        ]
    )
    func pattern(pattern: String, name: String, matches: Bool) {
        #expect(ModelPattern(pattern).matches(name) == matches)
    }
}
