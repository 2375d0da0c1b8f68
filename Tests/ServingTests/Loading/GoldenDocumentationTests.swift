import Foundation
import Testing

@testable import Serving

@Suite("Golden requests in docs/MODEL-CARD.md")
struct GoldenDocumentationTests {
    private static let file = URL(filePath: #filePath).resolvingSymlinksInPath()
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "docs/MODEL-CARD.md")

    @Test("every golden request in it is accepted")
    func requests() throws {
        let text = try String(contentsOf: Self.file, encoding: .utf8)
        let blocks = text.split(separator: "```json\n").dropFirst().map { block in
            block.split(separator: "```", omittingEmptySubsequences: false)[0]
        }
        #expect(!blocks.isEmpty)
        for block in blocks {
            #expect(throws: Never.self) {
                try GoldenRequest(path: "golden/0.json", text: block)
            }
        }
    }
}
