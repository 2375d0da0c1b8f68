import Testing

@testable import Registry

@Suite("What an alias can go back to")
struct ServedStackTests {
    /// Moves as text: `3` an ordinary served move, `<2` a served rollback; a suffix `?` pending,
    /// `x` rejected, `s` superseded. Then the versions that cannot be used, the target, and what
    /// a rollback goes to.
    struct Case: Sendable, CustomTestStringConvertible {
        let history: String
        let target: UInt64
        var unusable: Set<UInt64> = []
        let expected: UInt64?

        var testDescription: String { "\(history) without \(unusable.sorted())" }

        var moves: [ServedStack.Move] {
            history.split(separator: " ").map { word in
                let digits = word.filter(\.isNumber)
                let outcome: AliasOutcome =
                    switch word.last {
                    case "?": .pending
                    case "x": .rejected
                    case "s": .superseded
                    default: .served
                    }
                return ServedStack.Move(
                    toVersion: UInt64(digits) ?? 0,
                    isRollback: word.hasPrefix("<"),
                    outcome: outcome
                )
            }
        }
    }

    @Test(
        "a rollback goes to what served before, further back each time, never forward",
        arguments: [
            Case(history: "", target: 0, expected: nil),
            Case(history: "1", target: 1, expected: nil),
            Case(history: "1 2", target: 2, expected: 1),
            Case(history: "1 2 3", target: 3, expected: 2),
            Case(history: "1 2 3 <2", target: 2, expected: 1),
            Case(history: "1 2 3 <2 <1", target: 1, expected: nil),
            Case(history: "1 2 3 <2 4", target: 4, expected: 2),
            Case(history: "1 2 3 <2 4 <2", target: 2, expected: 1),
            Case(history: "1 2 3 <1", target: 1, expected: nil),
            Case(history: "1 2 3 <1 3", target: 3, expected: 1),
            Case(history: "1 2 3 1", target: 1, expected: 3),
            Case(history: "1 2 3 1 <3", target: 3, expected: 2),
            Case(history: "1 2 2", target: 2, expected: 1),
            Case(history: "1 2x 3", target: 3, expected: 1),
            Case(history: "1 2s 3", target: 3, expected: 1),
            Case(history: "1 2 3x", target: 2, expected: 1),
            Case(history: "1x", target: 0, expected: nil),
            // Pending: what answers now is what lies below.
            Case(history: "1 2?", target: 2, expected: 1),
            Case(history: "1 2 3?", target: 3, expected: 2),
            Case(history: "1 2 3 <2?", target: 2, expected: 1),
            Case(history: "1?", target: 1, expected: nil),
            Case(history: "1 2s 3?", target: 3, expected: 1),
            // Rejected and deleted ones are skipped.
            Case(history: "1 2 3", target: 3, unusable: [2], expected: 1),
            Case(history: "1 2 3", target: 3, unusable: [1, 2], expected: nil),
            Case(history: "1 2 3 <1", target: 1, unusable: [2], expected: nil),
            Case(history: "1 2 1", target: 1, unusable: [2], expected: nil),
            // Back to one that a rollback had left, by name: a rollback after it goes to where
            // it came from.
            Case(history: "1 2 3 <2 <3", target: 3, expected: 2),
        ]
    )
    func previous(example: Case) {
        let stack = ServedStack(example.moves)
        #expect(
            stack.previous(to: example.target) { !example.unusable.contains($0) }
                == example.expected
        )
    }

    @Test("pending, superseded and rejected versions are not among those that ever served")
    func everServed() {
        let stack = ServedStack(Case(history: "1 2 <1 3x 4s 5?", target: 5, expected: 1).moves)
        #expect(stack.everServed == [1, 2])
    }
}
