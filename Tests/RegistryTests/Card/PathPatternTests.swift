import Testing
import Text

@testable import Registry

@Suite("Path pattern")
struct PathPatternTests {
    @Test(
        "a star matches any run but a slash",
        arguments: [
            ("golden/*.json", "golden/0.json", true), ("golden/*.json", "golden/.json", true),
            ("golden/*.json", "golden/a/0.json", false), ("golden/*.json", "golden/0.jsonx", false),
            ("*", "a", true), ("*", "a/b", false), ("*/*", "a/b", true), ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbYbZ", false), ("golden/0.json", "golden/0.json", true),
            ("golden/?.json", "golden/0.json", false), ("", "", true), ("", "a", false),
            ("**", "abc", true), ("*/b*/c", "a/bb/c", true), ("*/b*/c", "a/bb/d/c", false),
        ]
    )
    func matches(pattern: String, path: String, expected: Bool) {
        #expect(PathPattern(ExactString(pattern)).matches(ExactString(path)) == expected)
    }

    @Test("a pattern of many stars takes no exponential time")
    func time() {
        let pattern = ExactString(String(repeating: "a*", count: 200) + "b")
        let path = ExactString(String(repeating: "a", count: 500))
        #expect(!PathPattern(pattern).matches(path))
    }
}
