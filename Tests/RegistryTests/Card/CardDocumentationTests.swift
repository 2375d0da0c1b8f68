import Foundation
import Testing
import Text

@testable import Registry

@Suite("docs/MODEL-CARD.md")
struct CardDocumentationTests {
    private static let file = URL(filePath: #filePath).resolvingSymlinksInPath()
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "docs/MODEL-CARD.md")

    /// Every file that a card of an example names.
    private static let paths: [ExactString] = [
        "golden/0.json", "model.onnx", "model.yaml", "scaled.onnx", "table.onnx",
    ]

    private static func text() throws -> String { try String(contentsOf: file, encoding: .utf8) }

    /// The keys that the refusal of an unknown one lists.
    private static func keys(_ card: String, unknown: String) throws -> [String] {
        let error = try #require(throws: RegistryError.self) {
            try Card.parse(Array(card.utf8), paths: paths)
        }
        let list = try #require(error.message.split(separator: "expected one of ").last)
        #expect(error.message.contains("\(unknown): unknown key"))
        return list.split(separator: ", ").map(String.init)
    }

    @Test("every card in it is accepted")
    func cards() throws {
        let blocks = try Self.text().split(separator: "```yaml\n").dropFirst().map { block in
            block.split(separator: "```", omittingEmptySubsequences: false)[0]
        }
        #expect(blocks.count >= 3)
        for block in blocks {
            #expect(throws: Never.self) { try Card.parse(Array(block.utf8), paths: Self.paths) }
        }
    }

    @Test("every key of a card, of a tensor and of batching is in a table")
    func tables() throws {
        let head = "format: 1\nengine: onnxruntime\nentry: model.onnx\n"
        let keys = try [
            Self.keys(head + "zzz: 1\n", unknown: "zzz"),
            Self.keys(head + "batching: {zzz: 1}\n", unknown: "batching.zzz"),
            Self.keys(
                head + "inputs: [{name: x, datatype: FP32, shape: [1], zzz: 1}]\n",
                unknown: "inputs[0].zzz"
            ),
        ].flatMap { $0 }
        #expect(keys.contains("golden") && keys.contains("tolerance") && keys.contains("optional"))
        let text = try Self.text()
        for key in keys { #expect(text.contains("\n| `\(key)` |"), "\(key)") }
    }
}
