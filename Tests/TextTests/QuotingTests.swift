import Testing
import Text

@Suite("Quoting")
struct QuotingTests {
    @Test(
        "Characters that would change a line or a terminal are escaped",
        arguments: [
            ("a\nb", "a\\nb"), ("a\r\tb", "a\\r\\tb"), ("\u{1B}[31m", "\\u{1b}[31m"),
            ("a\u{202E}b", "a\\u{202e}b"), ("a\u{2028}b", "a\\u{2028}b"),
            ("a\u{200B}b", "a\\u{200b}b"), ("\u{85}", "\\u{85}"), ("\u{0}", "\\u{0}"),
        ]
    )
    func escapes(text: String, expected: String) {
        #expect(text.escaped == expected)
        #expect(quoted(text) == "'\(expected)'")
    }

    @Test("Printable text stays as it is", arguments: ["", "text", "größe", "日本語", "👩‍💻"])
    func keeps(text: String) {
        #expect(text.escaped == text)
        #expect(quoted(text) == "'\(text)'")
    }

    @Test("A quoted value is cut after 64 bytes")
    func cuts() {
        let whole = String(repeating: "x", count: maxQuotedBytes)
        #expect(quoted(whole) == "'\(whole)'")
        #expect(quoted(whole + "y") == "'\(whole)...'")
        #expect(excerpt(whole + "y") == "\(whole)...")
    }
}
