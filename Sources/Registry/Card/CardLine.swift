/// A line of a card, as far as it can nest something: counted by characters, not parsed.
struct CardLine {
    /// Brackets that may stay open behind the line.
    private(set) var openBrackets = 0
    /// Brackets inside each other, of a line that closes all that it opens.
    private(set) var bracketDepth = 0
    /// Entries that begin on the line, each of which may lie inside the one before.
    private(set) var entries = 0
    /// Spaces before the first character.
    private(set) var indentation = 0

    /// Counts a line, without its line feed.
    init(_ text: ArraySlice<UInt8>) {
        indentation = text.prefix { $0 == UInt8(ascii: " ") }.count
        countEntries(text)
        countBrackets(text)
    }

    private mutating func countEntries(_ text: ArraySlice<UInt8>) {
        var previous = UInt8(ascii: "\n")
        for (index, byte) in zip(text.indices, text) {
            let next = index + 1 < text.endIndex ? text[index + 1] : UInt8(ascii: "\n")
            // A colon right after a word ends a key, and opens nothing inside another.
            if "-?:".utf8.contains(byte), " \t\n\r".utf8.contains(next),
                " \t\n-?:".utf8.contains(previous)
            {
                entries += 1
            }
            previous = byte
        }
    }

    /// Without quotes and comments, a bracket that opens a list is closed by the next one that is
    /// not closed yet: inside of it, no bracket can be text. So a line whose brackets match leaves
    /// none open. Inside of a text of several lines its brackets do not count, nor do they here.
    private mutating func countBrackets(_ text: ArraySlice<UInt8>) {
        var depth = 0
        var matches = true
        for byte in text {
            if "[{".utf8.contains(byte) {
                openBrackets += 1
                depth += 1
                bracketDepth = max(bracketDepth, depth)
            } else if "]}".utf8.contains(byte) {
                depth -= 1
                matches = matches && depth >= 0
            } else if "\"'#".utf8.contains(byte) {
                matches = false
            }
        }
        if matches, depth == 0 { openBrackets = 0 } else { bracketDepth = 0 }
    }
}
