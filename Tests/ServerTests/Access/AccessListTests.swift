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
            Grant(principal: "uid:0", role: .publisher, models: .any, maxPriority: 10),
        ])
        #expect(try AccessList(json: Array(list.json.utf8)) == list)
    }

    @Test("a byte order mark and carriage returns are accepted")
    func foreignEditors() throws {
        let text = "{\"grants\": [\r\n{\"principal\": \"cert:bob\", \"role\": \"admin\"}\r\n]}\r\n"
        let list = try AccessList(json: Array(("\u{FEFF}" + text).utf8))
        #expect(list.grants.map(\.principal) == ["cert:bob"])
    }

    @Test(
        "a max_priority is a whole number from 0 to 10",
        arguments: [
            ("-1", "'-1'"), ("11", "'11'"), ("1.5", "'1.5'"), ("1e1", "'1e1'"),
            ("99999999999999999999", "'99999999999999999999'"), (#""5""#, "a string"),
            ("null", "null"), ("true", "a boolean"), ("[5]", "an array"), ("{}", "an object"),
        ]
    )
    func maxPriority(text: String, shown: String) throws {
        func list(_ text: String) throws -> AccessList {
            let grant = #"{"principal": "cert:a", "role": "predictor", "max_priority": \#(text)}"#
            return try AccessList(json: Array(#"{"grants": [\#(grant)]}"#.utf8))
        }
        let error = #expect(throws: ServerError.self) { try list(text) }
        #expect(
            error?.message
                == "access.json: grants[0]: 'max_priority' is \(shown), expected a whole "
                + "number from 0 to 10"
        )
        for number in [0, 5, 10] {
            #expect(try list("\(number)").maxPriority(of: "cert:a", model: "m") == number)
        }
    }

    @Test("the highest max_priority counts of the grants that match and let the caller predict")
    func highestPriority() {
        func grant(_ role: Role, _ models: String, _ priority: Int, of name: String = "cert:a")
            -> Grant
        {
            Grant(
                principal: name,
                role: role,
                models: ModelPattern(models),
                maxPriority: priority
            )
        }
        let list = AccessList(grants: [
            grant(.predictor, "mine*", 3), grant(.publisher, "mine-too", 5),
            grant(.observer, "*", 9), grant(.admin, "other", 7), grant(.predictor, "*", 0),
            grant(.predictor, "*", 10, of: "cert:b"), grant(.predictor, "sock", 2, of: "uid:7"),
        ])
        func highest(_ model: String, of name: String = "cert:a") -> Int {
            list.maxPriority(of: name, model: model)
        }
        #expect(highest("mine") == 3 && highest("mine-too") == 5 && highest("other") == 7)
        #expect(highest("unnamed") == 0)
        #expect(highest("unnamed", of: "cert:b") == 10)
        #expect(highest("sock", of: "uid:7") == 2 && highest("sock", of: "uid:8") == 0)
    }

    @Test("an added grant changes the max_priority of the one that is there, if it says one")
    func addedGrant() {
        let grant = Grant(principal: "cert:a", role: .predictor, models: ModelPattern("m*"))
        var list = AccessList()
        func add(_ priority: Int?) -> [Int] {
            list.add(grant, maxPriority: priority)
            return list.grants.map(\.maxPriority)
        }
        #expect(add(nil) == [0] && add(7) == [7] && add(nil) == [7] && add(3) == [3])
        #expect(add(0) == [0])
        list.add(
            Grant(principal: "cert:a", role: .publisher, models: ModelPattern("m*")),
            maxPriority: 4
        )
        #expect(list.grants.map(\.maxPriority) == [0, 4])
        #expect(list.maxPriority(of: "cert:a", model: "m1") == 4)
        // The same grant twice, as somebody may have written it.
        list = AccessList(grants: [grant, grant])
        list.grants[1].maxPriority = 9
        #expect(add(2) == [2, 2])
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
            (
                #"{"grants": [{"principal": "cert:a", "role": "admin", "priority": 1}]}"#,
                "'priority'"
            ),
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
