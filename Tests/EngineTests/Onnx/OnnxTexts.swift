import Foundation
import Testing

/// Texts of ONNX Runtime for ``OnnxTextTests``.
enum OnnxTexts {
    /// A text as ONNX Runtime 1.32 gives it, and the cleaned one.
    struct Case: CustomTestStringConvertible, Sendable {
        let raw: String
        let cleaned: String

        init(_ raw: String, _ cleaned: String) {
            self.raw = raw
            self.cleaned = cleaned
        }

        var testDescription: String { cleaned }
    }

    static let loads = vectors("loads")
    static let runs = vectors("runs")

    /// The cases of a file; an unreadable one fails the test that counts them.
    private static func vectors(_ name: String) -> [Case] {
        let file = Fixtures.root.appending(path: "Tests/Vectors/onnx-texts/\(name).tsv")
        let text = (try? String(contentsOf: file, encoding: .utf8)) ?? ""
        return text.split(separator: "\n").compactMap { line in
            let columns = line.split(separator: "\t", omittingEmptySubsequences: false)
            guard columns.count == 2 else { return nil }
            let raw = columns[0].replacing("\\n", with: "\n").replacing("\\e", with: "\u{1B}")
            return Case(String(raw), String(columns[1]))
        }
    }

    static let leaks = [
        Case("opening \"/tmp/a b/w.bin\" failed", "opening \"[path]\" failed"),
        Case("opening /home/u/w.bin: No such file", "opening [path]: No such file"),
        Case("at 0x7ffe12aB34 (0xdead)", "at [address] ([address])"),
        Case("x.cc:12 Compute it fails at y.h:7 Run anyway", "it fails at anyway"),
        Case("a\nb\r\n\u{1B}[31mc", "a b \\u{1b}[31mc"),
        Case("/usr/lib/x.so is missing", "[path] is missing"),
        Case("/tmp", "[path]"),
    ]

    static let names = [
        Case(
            "input '/encoder/0x1/MatMul_output_0' is lost",
            "input '/encoder/0x1/MatMul_output_0' is lost"
        ),
        Case("input '/model/lm_head' is lost", "input '/model/lm_head' is lost"),
        Case("output a/tmp/b is lost", "output a/tmp/b is lost"),
        Case("matmul.1:0 and 0x are lost", "matmul.1:0 and 0x are lost"),
        Case("/tmpx/y is lost", "/tmpx/y is lost"),
        Case(
            "Node (/tmp/a) Op (Add) [ShapeInferenceError] Incompatible dimensions",
            "node '/tmp/a' (Add): [ShapeInferenceError] Incompatible dimensions"
        ),
    ]
}
