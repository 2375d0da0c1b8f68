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
}
