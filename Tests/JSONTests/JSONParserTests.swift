import JSON
import Testing
import Text

@Suite("JSON, as RFC 8259 has it")
struct JSONParserTests {
    @Test(
        "values are read",
        arguments: [
            ("null", JSONValue.null),
            (" true ", .bool(true)),
            ("\t\r\nfalse\n", .bool(false)),
            ("\"\"", .string("")),
            ("[]", .array([])),
            ("[ ]", .array([])),
            ("{}", .object([])),
            ("{ }", .object([])),
            (
                "[1,[2 , \"3\"],null]",
                .array([.number("1"), .array([.number("2"), .string("3")]), .null])
            ),
            (
                "{\"b\":1,\"a\":{\"b\":2}}",
                .object([
                    .init(name: "b", value: .number("1")),
                    .init(
                        name: "a",
                        value: .object([.init(name: "b", value: .number("2"))])
                    ),
                ])
            ),
        ]
    )
    func values(_ text: String, _ value: JSONValue) throws {
        #expect(try JSONValue(parsing: text) == value)
    }

    @Test(
        "numbers keep their text",
        arguments: [
            "0", "-0", "7", "-12", "1.5", "0.0", "-0.25", "1e5", "1E5", "1e+5", "1e-5", "1.25e-300",
            "123456789012345678901234567890", "1e999",
        ]
    )
    func numbers(_ text: String) throws {
        #expect(try JSONValue(parsing: text) == .number(text))
        #expect(try JSONValue(parsing: text).text == text)
    }

    @Test(
        "what is no number is refused",
        arguments: [
            "-", "+1", "01", "-01", "00", "1.", ".5", "1.e5", "1e", "1e+", "1e1.5", "0x10", "1_000",
            "NaN", "Infinity", "-Infinity", "1 2", "--1", "1a", "\u{FF11}",
        ]
    )
    func notNumbers(_ text: String) {
        #expect(throws: JSONError.self) { try JSONValue(parsing: text) }
    }

    @Test(
        "escapes are read",
        arguments: [
            (#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{C}\n\r\t"),
            (#""\u0041\u00e9\u20AC""#, "A\u{E9}\u{20AC}"),
            (#""\u0000""#, "\u{0}"),
            (#""\uD83D\uDE00""#, "\u{1F600}"),
            (#""\ud800\udc00\uDBFF\uDFFF""#, "\u{10000}\u{10FFFF}"),
            (#""\uFFFF""#, "\u{FFFF}"),
            ("\"\u{1F600} \u{7F}\"", "\u{1F600} \u{7F}"),
        ]
    )
    func escapes(_ text: String, _ content: String) throws {
        let value = try JSONValue(parsing: text)
        #expect(value == .string(content))
        #expect(try JSONValue(parsing: value.text) == value)
    }

    @Test(
        "broken strings are refused",
        arguments: [
            #"""#, #""a"#, #""\"#, #""\""#, #""\x41""#, #""\u""#, #""\u12""#, #""\u123""#,
            #""\u12G4""#, #""\u+123""#, #""\u-123""#, #""\u 123""#, #""\uD800""#, #""\uD800a""#,
            #""\uD800\n""#, #""\uD800\u0041""#, #""\uD800\uD800""#, #""\uDC00""#,
            #""\uDE00\uD83D""#, "\"\n\"", "\"\u{0}\"", "\"\u{1F}\"", "'a'",
        ]
    )
    func brokenStrings(_ text: String) {
        #expect(throws: JSONError.self) { try JSONValue(parsing: text) }
    }

    @Test(
        "text that is not UTF-8 is refused",
        arguments: [
            [0xFF], [0xC3], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF5, 0x80, 0x80, 0x80], [0x80],
        ] as [[UInt8]]
    )
    func notUTF8(_ bytes: [UInt8]) {
        let text = [UInt8(ascii: "\"")] + bytes + [UInt8(ascii: "\"")]
        #expect(throws: JSONError.self) { try JSONValue(parsing: text) }
        #expect(throws: JSONError.self) { try JSONValue(parsing: bytes) }
    }

    @Test(
        "broken documents are refused",
        arguments: [
            "", " ", "nul", "nulll", "True", "[", "]", "[1", "[1,", "[1,]", "[,1]", "[1 2]",
            "[1,,2]",
            "{", "}", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,", "{\"a\":1,}", "{,}", "{a:1}",
            "{1:1}", "{\"a\" 1}", "{\"a\":1 \"b\":2}", "[1}", "{\"a\":1]", "1,", "[] []", "// a\n1",
            "/* a */1", "\u{FEFF}1", "\u{A0}1",
        ]
    )
    func brokenDocuments(_ text: String) {
        #expect(throws: JSONError.self) { try JSONValue(parsing: text) }
    }

    @Test("Members are found, and texts compared, by their bytes")
    func spellings() throws {
        let (composed, decomposed) = ("gr\u{F6}\u{DF}e", "gro\u{308}\u{DF}e")
        let value = try JSONValue(parsing: "{\"\(composed)\": 1, \"\(decomposed)\": 2}")
        #expect(value[ExactString(composed)] == .number("1"))
        #expect(value[ExactString(decomposed)] == .number("2"))
        #expect(try JSONValue(parsing: value.text) == value)
        #expect(JSONValue.string(composed) != .string(decomposed))
        #expect(try JSONValue(parsing: "{\"\u{212A}\": 1}")["K"] == nil)
    }

    @Test("a name is given once in each object; names that only look the same are two")
    func repeatedNames() throws {
        #expect(throws: JSONError.self) { try JSONValue(parsing: #"{"a":1,"a":1}"#) }
        #expect(throws: JSONError.self) { try JSONValue(parsing: #"{"a":1,"\u0061":2}"#) }
        #expect(throws: Never.self) { try JSONValue(parsing: #"{"a":{"a":1},"b":{"a":1}}"#) }
        #expect(throws: Never.self) { try JSONValue(parsing: #"{"\u00e9":1,"e\u0301":2}"#) }
    }

    @Test("nesting is taken to the limit, and refused past it", arguments: ["[", "{\"a\":"])
    func depth(_ open: String) throws {
        let close = open == "[" ? "]" : "}"
        func text(_ depth: Int) -> String {
            String(repeating: open, count: depth) + "1" + String(repeating: close, count: depth)
        }
        _ = try JSONValue(parsing: text(JSONValue.maxDepth))
        let error = #expect(throws: JSONError.self) {
            try JSONValue(parsing: text(JSONValue.maxDepth + 1))
        }
        #expect(error?.message == "nested deeper than 64 levels")
        // Far past it: the limit is what stops the parser, and not its stack.
        #expect(throws: JSONError.self) {
            try JSONValue(parsing: String(repeating: open, count: 1_000_000))
        }
        // Side by side is not inside each other.
        let wide = "[" + Array(repeating: "[]", count: 1_000).joined(separator: ",") + "]"
        #expect(throws: Never.self) { try JSONValue(parsing: wide) }
    }

    @Test("values are counted to the limit that the caller sets, and refused past it")
    func count() throws {
        let text = Array(#"{"a": [1, {"b": "c"}], "d": null}"#.utf8)
        _ = try JSONValue(parsing: text, maxValues: 6)
        let error = #expect(throws: JSONError.self) {
            try JSONValue(parsing: text, maxValues: 5)
        }
        #expect(error?.message == "more than 5 values")
    }

    @Test("an error has its line and column")
    func place() throws {
        let error = #expect(throws: JSONError.self) {
            try JSONValue(parsing: "{\n  \"a\": 1,\n  \"b\" 2\n}")
        }
        #expect(error?.line == 3 && error?.column == 7)
        #expect(error?.description == "line 3, column 7: ':' was expected")
    }

    @Test("every part of a document, cut short, is refused and does no harm")
    func truncated() throws {
        let whole = Array(#"{"a": [1.5e3, "\u00e9\uD83D\uDE00", true], "b": {"c": null}}"#.utf8)
        _ = try JSONValue(parsing: whole)
        for count in whole.indices {
            #expect(throws: JSONError.self) { try JSONValue(parsing: Array(whole[..<count])) }
        }
    }

    @Test("what is written reads back the same")
    func writing() throws {
        let value = JSONValue.object([
            .init(name: "a\"\\\n\u{1}", value: .array([.null, .bool(false), .number("1e-5")])),
            .init(name: "\u{1F600}", value: .object([])),
            .init(name: "", value: .array([.array([]), .string("\t\r\u{1F}\u{7F}")])),
        ])
        #expect(try JSONValue(parsing: value.text) == value)
        #expect(!value.text.contains("\n"))
    }

    @Test("members are found by name")
    func members() throws {
        let value = try JSONValue(parsing: #"{"a": 1, "b": null}"#)
        #expect(value["a"] == .number("1"))
        #expect(value["b"] == .null)
        #expect(value["c"] == nil)
        #expect(JSONValue.array([])["a"] == nil)
        #expect(value.kind == "an object" && JSONValue.null.kind == "null")
    }
}
