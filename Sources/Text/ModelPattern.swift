/// A pattern for the names of models: `*` stands for any run of characters, nothing else is
/// special.
package struct ModelPattern: Sendable, Equatable {
    package let text: String
    /// Whether it holds a star; else it is a name.
    private let hasStar: Bool

    package static let any = ModelPattern("*")
    /// Longer ones are refused where they are read.
    package static let maxBytes = 256

    package init(_ text: String) {
        self.text = text
        hasStar = text.utf8.contains(UInt8(ascii: "*"))
    }

    /// Whether `name` matches.
    package func matches(_ name: String) -> Bool {
        guard hasStar else { return ExactString(text) == ExactString(name) }
        return text == "*" || Self.matches(Array(text.utf8), Array(name.utf8))
    }

    /// Greedy with one step back: linear in practice, and never worse than the product of both
    /// lengths.
    private static func matches(_ pattern: [UInt8], _ name: [UInt8]) -> Bool {
        var at = 0
        var position = 0
        var star: (pattern: Int, name: Int)?
        while position < name.count {
            if at < pattern.count, pattern[at] == UInt8(ascii: "*") {
                star = (at, position)
                at += 1
            } else if at < pattern.count, pattern[at] == name[position] {
                at += 1
                position += 1
            } else if let last = star {
                star = (last.pattern, last.name + 1)
                at = last.pattern + 1
                position = last.name + 1
            } else {
                return false
            }
        }
        return pattern[at...].allSatisfy { $0 == UInt8(ascii: "*") }
    }
}
