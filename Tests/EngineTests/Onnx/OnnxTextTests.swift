import Foundation
import Testing

@testable import Engine

@Suite("Texts of ONNX Runtime")
struct OnnxTextTests {
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

    @Test(
        "A text of a load is cleaned and names what was wrong",
        arguments: loads + initialisations
    )
    func load(_ text: Case) {
        let parsed = OnnxText(text.raw)
        #expect(parsed.message(fallback: "-") == text.cleaned)
        #expect(!parsed.isOfRunNode && !parsed.isOutOfMemory)
    }

    @Test("A text of a run is cleaned and names node and operator", arguments: runs)
    func run(_ text: Case) {
        let parsed = OnnxText(text.raw)
        #expect(parsed.message(fallback: "-") == text.cleaned)
        #expect(parsed.isOfRunNode && !parsed.isOutOfMemory)
    }

    @Test("No text keeps a source place, an address or a folder of the server", arguments: leaks)
    func leaks(_ text: Case) {
        #expect(OnnxText(text.raw).message(fallback: "-") == text.cleaned)
    }

    @Test("Names that look like paths stay", arguments: names)
    func names(_ text: Case) {
        #expect(OnnxText(text.raw).message(fallback: "-") == text.cleaned)
    }

    @Test("Texts of failed allocations are recognised behind what the runtime writes before them")
    func memory() {
        let texts = [
            "std::bad_alloc", "Exception during initialization: std::bad_alloc", "bad allocation",
            "Non-zero status code returned while running Expand node. Name:'e' "
                + "Status Message: std::bad_alloc",
            "/src/bfc_arena.cc:359 void* onnxruntime::BFCArena::AllocateRawInternal(size_t, bool) "
                + "Failed to allocate memory for requested buffer of size 1024",
        ]
        for text in texts { #expect(OnnxText(text).isOutOfMemory, "\(text)") }
        // The name of a node is its author's choice.
        let named =
            "Non-zero status code returned while running Add node. "
            + "Name:'std::bad_alloc' Status Message: Incompatible dimensions"
        #expect(!OnnxText(named).isOutOfMemory)
    }

    @Test("A reason is cut behind its limit")
    func cuts() {
        let whole = String(repeating: "x", count: OnnxText.maxBytes)
        #expect(OnnxText(whole).reason == whole)
        #expect(OnnxText(whole + "y").reason == whole + "...")
        let long = String(repeating: "n", count: 100_000)
        let text = OnnxText(
            "In Node, (\"\(long)\", \(long), \"\", -1) : (\"x\": tensor(float),) -> "
                + "(\"y\": tensor(float),) , Error No Op registered for \(long)"
        )
        #expect(text.place == "node '\(long.prefix(64))...' (\(long.prefix(64))...): ")
        #expect(text.reason.utf8.count == OnnxText.maxBytes + 3)
    }

    @Test("Nodes within one another are told apart to a limit")
    func nesting() {
        let node = "Non-zero status code returned while running If node. Name:'n' Status Message: "
        let count = OnnxText.maxNodes
        let most = OnnxText(String(repeating: node, count: count) + "it fails")
        #expect(most.nodes.count == count && most.reason == "it fails")
        let more = OnnxText(String(repeating: node, count: count + 1) + "it fails")
        #expect(more.nodes.count == count && more.reason == node + "it fails")
    }

    @Test("Texts that end anywhere are cleaned", arguments: loads + runs)
    func truncated(_ text: Case) {
        let bytes = Array(text.raw.utf8)
        for count in bytes.indices {
            let start = String(decoding: bytes.prefix(count), as: UTF8.self)
            let cleaned = OnnxText(start).message(fallback: "-")
            #expect(!cleaned.contains("/onnxruntime_src/") && !cleaned.contains("\n"))
        }
    }

    @Test("The vectors are there")
    func vectors() {
        #expect(Self.loads.count >= 60 && Self.runs.count >= 50)
    }

    // MARK: Texts

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
