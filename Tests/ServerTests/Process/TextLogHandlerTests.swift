import Logging
import Synchronization
import Testing

@testable import Server

@Suite("The log in text")
struct TextLogHandlerTests {
    /// The lines that a logger wrote.
    private final class Lines: Sendable {
        private let bytes = Mutex<[UInt8]>([])

        var text: String { String(decoding: bytes.withLock { $0 }, as: UTF8.self) }

        func logger() -> Logger {
            Logger(label: "strongroom") { label in
                TextLogHandler(label: label) { line in self.bytes.withLock { $0 += line } }
            }
        }
    }

    private func line(_ message: Logger.Message, _ metadata: Logger.Metadata = [:]) -> String {
        let lines = Lines()
        lines.logger().warning(message, metadata: metadata)
        return lines.text
    }

    @Test("An event is a line of time, level, logger, metadata by key, source and message")
    func format() throws {
        let text = line("a call failed", ["b": "2", "a": "1"])
        let pattern = #/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4} warning strongroom: a=1 b=2 /#
        #expect(text.prefixMatch(of: pattern) != nil, "\(text)")
        #expect(text.hasSuffix(" [ServerTests] a call failed\n"))
    }

    @Test(
        "A value makes neither a line nor a key",
        arguments: [
            ("a\nb", "k=a\\nb "), ("a\r\u{1B}[31mb", "k=a\\r\\u{1b}[31mb "),
            ("a\u{2028}b\u{202E}", "k=a\\u{2028}b\\u{202e} "),
            ("a principal=cert:eve [Server] ok", "k=\"a principal=cert:eve [Server] ok\" "),
            ("say \"no\"", "k=\"say \\\"no\\\"\" "), ("", "k=\"\" "), ("plain", "k=plain "),
        ]
    )
    func values(value: String, shown: String) {
        let text = line("m", ["k": "\(value)"])
        #expect(text.contains(" \(shown)"), "\(text)")
        #expect(text.split(whereSeparator: \.isNewline).count == 1)
    }

    @Test("A message and a key are escaped as well")
    func messages() {
        let text = line("a\n2026-01-01T00:00:00+0000 info strongroom: forged", ["k\n": "v"])
        #expect(text.split(whereSeparator: \.isNewline).count == 1)
        #expect(text.contains(" k\\n=v "))
    }

    @Test("A value is cut behind its limit")
    func cuts() {
        let whole = String(repeating: "x", count: LogFields.maxBytes)
        #expect(line("m", ["k": "\(whole)"]).contains(" k=\(whole) "))
        #expect(line("m", ["k": "\(whole)y"]).contains(" k=\(whole)... "))
    }
}
