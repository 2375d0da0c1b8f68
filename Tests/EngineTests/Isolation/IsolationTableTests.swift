import Foundation
import Testing
import Text

@testable import Engine

@Suite("The table of reviewed operators")
struct IsolationTableTests {
    /// The table as lines of Markdown.
    private static var lines: [String] {
        ["| domain | operators | in the server | review |", "|---|---|---|---|"]
            + IsolationTable.domains.flatMap { domain, rows in
                rows.map { row in
                    let names = row.names.split(separator: " ").map { "`\($0)`" }
                    let name = domain.text.isEmpty ? "ai.onnx" : domain.text
                    return "| \(name) | \(names.joined(separator: " ")) | \(answer(row.review)) "
                        + "| \(explanation(row.review)) |"
                }
            }
    }

    private static func answer(_ review: OperatorReview) -> String {
        guard review.isSafe else { return "no" }
        return review.conditions.isEmpty ? "yes" : "on conditions"
    }

    /// The note and the conditions.
    private static func explanation(_ review: OperatorReview) -> String {
        ([review.note] + review.conditions.map { "not where \($0.otherwise)" })
            .joined(separator: "; ")
    }

    @Test("docs/ISOLATION.md holds the table as it is")
    func document() throws {
        let path = Fixtures.root.appending(path: "docs/ISOLATION.md")
        let text = try String(contentsOf: path, encoding: .utf8)
        let table = Self.lines.joined(separator: "\n")
        #expect(text.contains(table), "expected in docs/ISOLATION.md:\n\(table)")
    }

    @Test("no operator is listed twice")
    func repeated() {
        for (domain, rows) in IsolationTable.domains {
            let names = rows.flatMap { $0.names.split(separator: " ") }
            #expect(Set(names).count == names.count, "\(domain.text)")
        }
    }

    @Test("the rule of each operator that may run in the server gives its sizes")
    func rules() {
        for (domain, rows) in IsolationTable.domains {
            for row in rows where row.review.isSafe {
                for name in row.names.split(separator: " ") {
                    let operatorName = OperatorName(domain, ExactString(String(name)))
                    #expect(OperatorTable.rule(of: operatorName)?.isOpaque == false, "\(name)")
                }
            }
        }
    }

    @Test("every operator that the row analysis knows is on the table")
    func known() {
        let ours: [(ExactString, [OperatorTable.Table])] = [
            (
                "",
                [
                    OperatorTable.elementwise, OperatorTable.layout, OperatorTable.selection,
                    OperatorTable.reductions, OperatorTable.products, OperatorTable.spatial,
                    OperatorTable.text, OperatorTable.refused,
                ]
            ),
            ("ai.onnx.ml", [OperatorTable.classic]), ("com.microsoft", [OperatorTable.contributed]),
        ]
        for (domain, tables) in ours {
            for entry in tables.joined() {
                for name in entry.names.split(separator: " ") {
                    let operatorName = OperatorName(domain, ExactString(String(name)))
                    #expect(IsolationTable.review(of: operatorName) != nil, "\(name)")
                }
            }
        }
    }
}
