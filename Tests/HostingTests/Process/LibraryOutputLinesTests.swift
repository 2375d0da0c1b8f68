import Testing

@testable import Hosting

@Suite("Lines of what libraries write")
struct LibraryOutputLinesTests {
    private typealias Lines = LibraryOutputLines
    private static let second: UInt64 = 1_000_000_000

    private func bytes(_ text: String) -> ArraySlice<UInt8> { Array(text.utf8)[...] }

    @Test("A line ends at its line break, in however many pieces it comes")
    func pieces() {
        var lines = Lines()
        #expect(lines.take(bytes("on"), nowNs: 1).isEmpty)
        #expect(!lines.isIdle)
        #expect(
            lines.take(bytes("e\n\ntwo\nth"), nowNs: 2) == [
                .line("one", bytes: 3), .line("two", bytes: 3),
            ]
        )
        #expect(lines.settle(nowNs: 3) == [.line("th", bytes: 2)])
        #expect(lines.isIdle && lines.settle(nowNs: 4).isEmpty)
    }

    @Test("A line is cut behind its limit, and its length told")
    func cuts() {
        var lines = Lines()
        let whole = String(repeating: "x", count: Lines.maxLineBytes)
        #expect(
            lines.take(bytes(whole + "\n"), nowNs: 1) == [
                .line(whole, bytes: Lines.maxLineBytes)
            ]
        )
        #expect(
            lines.take(bytes(whole + "yz\n"), nowNs: 2) == [
                .line(whole, bytes: Lines.maxLineBytes + 2)
            ]
        )
    }

    @Test("Lines over the limit of a second are counted, and told when it is over")
    func bounded() {
        var lines = Lines()
        let flood = String(repeating: "line\n", count: Lines.maxLines + 3)
        #expect(lines.take(bytes(flood), nowNs: 1).count == Lines.maxLines)
        #expect(!lines.isIdle)
        #expect(lines.take(bytes("more\n"), nowNs: Self.second).isEmpty)
        #expect(
            lines.settle(nowNs: Self.second + 1) == [.dropped(lines: 4, bytes: 16, last: "more")]
        )
        #expect(lines.isIdle)
        #expect(lines.take(bytes("next\n"), nowNs: Self.second + 2) == [.line("next", bytes: 4)])
    }

    @Test("At the end of the process nothing waits for its second to be over")
    func finish() {
        var lines = Lines()
        let flood = String(repeating: "line\n", count: Lines.maxLines)
        _ = lines.take(bytes(flood + "the last words\nno line break"), nowNs: 1)
        #expect(
            lines.finish(nowNs: 2) == [
                .dropped(lines: 1, bytes: 14, last: "the last words"),
                .line("no line break", bytes: 13),
            ]
        )
        #expect(lines.isIdle)
    }
}
