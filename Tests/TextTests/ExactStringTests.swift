import Testing
import Text

@Suite("Exact strings")
struct ExactStringTests {
    private let composed = ExactString("gr\u{F6}\u{DF}e")
    private let decomposed = ExactString("gro\u{308}\u{DF}e")

    @Test("Canonically equivalent texts of other bytes are two identities")
    func comparesBytes() {
        #expect(composed.text == decomposed.text)
        #expect(composed != decomposed)
        #expect(Set([composed, decomposed]).count == 2)
        #expect(composed == ExactString(composed.text))
    }

    @Test("Texts are ordered by their bytes")
    func ordersBytes() {
        #expect(decomposed < composed)
        #expect(ExactString("a") < ExactString("a\u{0}"))
        #expect(!(ExactString("b") < ExactString("a")))
    }

    @Test(
        "Only equal bytes are equal, whatever the length",
        arguments: [
            ("", ""), ("a", ""), ("name", "name"), ("name", "nam"), ("K", "\u{212A}"),
            // Marks in another order: as many bytes, and canonically equivalent.
            ("a\u{323}\u{307}", "a\u{307}\u{323}"),
            ("a\u{323}\u{307} in a longer name", "a\u{307}\u{323} in a longer name"),
            ("a name of more than 15 bytes", "a name of more than 15 bytes"),
            ("a name of more than 15 bytes", "a name of more than 15 bytez"),
        ]
    )
    func comparesLengths(left: String, right: String) {
        let isEqual = Array(left.utf8) == Array(right.utf8)
        // Copies: equal by their bytes, not by their storage.
        let (left, right) = (
            ExactString(String(decoding: Array(left.utf8), as: UTF8.self)),
            ExactString(String(decoding: Array(right.utf8), as: UTF8.self))
        )
        #expect((left == right) == isEqual)
        #expect((left.hashValue == right.hashValue) == isEqual)
        #expect((left < right || right < left) == !isEqual)
    }

    @Test("A combining mark does not hide a prefix, a suffix or a separator")
    func marks() {
        let name: ExactString = "a=\u{301}b/\u{301}c"
        #expect(name.hasPrefix("a=") && !name.text.hasPrefix("a="))
        #expect(name.dropping(prefix: "a=") == "\u{301}b/\u{301}c")
        #expect(name.dropping(prefix: "b") == nil)
        #expect(name.hasSuffix("c") && !name.hasSuffix("/c") && !ExactString("c").hasSuffix("bc"))
        #expect(name.split(at: "/") == ["a=\u{301}b", "\u{301}c"])
        #expect(ExactString("a=b=c=").split(at: "=", maxSplits: 1) == ["a", "b=c="])
        #expect(ExactString("").split(at: "/") == [""])
    }

    @Test("ASCII letters alone are put in lower case")
    func lowercases() {
        #expect(ExactString(asciiLowercased: "X-Max") == "x-max")
        #expect(ExactString(asciiLowercased: "\u{212A}\u{C4}") == "\u{212A}\u{C4}")
    }
}
