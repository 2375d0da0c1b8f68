internal import Text

/// A pattern for paths of a bundle: `*` matches any run of characters but `/`, and nothing else
/// is special.
struct PathPattern {
    /// The pattern as it was written.
    let text: ExactString

    init(_ text: ExactString) {
        self.text = text
    }

    /// Whether the whole of `path` matches. Takes time in the product of the lengths, not more.
    func matches(_ path: ExactString) -> Bool {
        let pattern = Array(text.utf8)
        let path = Array(path.utf8)
        let star = UInt8(ascii: "*")
        var next = 0
        var index = 0
        // Where the last `*` stood, and how far it has matched: the only place to go back to,
        // as an earlier one could not match more than a later one already does.
        var lastStar: (pattern: Int, path: Int)?
        while index < path.count {
            if next < pattern.count, pattern[next] == star {
                lastStar = (next, index)
                next += 1
            } else if next < pattern.count, pattern[next] == path[index] {
                next += 1
                index += 1
            } else if let star = lastStar, path[star.path] != UInt8(ascii: "/") {
                lastStar = (star.pattern, star.path + 1)
                next = star.pattern + 1
                index = star.path + 1
            } else {
                return false
            }
        }
        return pattern[next...].allSatisfy { $0 == star }
    }
}
