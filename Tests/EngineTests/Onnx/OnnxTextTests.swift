import Testing

@testable import Engine

@Suite("Texts of ONNX Runtime")
struct OnnxTextTests {
    @Test(
        "A text of a load is cleaned and names what was wrong",
        arguments: OnnxTexts.loads
    )
    func load(_ text: OnnxTexts.Case) {
        let parsed = OnnxText(text.raw)
        #expect(parsed.message(fallback: "-") == text.cleaned)
        #expect(!parsed.isOfRunNode && !parsed.isOutOfMemory)
    }

    @Test("A text of a run is cleaned and names node and operator", arguments: OnnxTexts.runs)
    func run(_ text: OnnxTexts.Case) {
        let parsed = OnnxText(text.raw)
        #expect(parsed.message(fallback: "-") == text.cleaned)
        #expect(parsed.isOfRunNode && !parsed.isOutOfMemory)
    }

    @Test(
        "No text keeps a source place, an address or a folder of the server",
        arguments: OnnxTexts.leaks
    )
    func leaks(_ text: OnnxTexts.Case) {
        #expect(OnnxText(text.raw).message(fallback: "-") == text.cleaned)
    }

    @Test("Names that look like paths stay", arguments: OnnxTexts.names)
    func names(_ text: OnnxTexts.Case) {
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

    @Test("Texts that end anywhere are cleaned", arguments: OnnxTexts.loads + OnnxTexts.runs)
    func truncated(_ text: OnnxTexts.Case) {
        let bytes = Array(text.raw.utf8)
        for count in bytes.indices {
            let start = String(decoding: bytes.prefix(count), as: UTF8.self)
            let cleaned = OnnxText(start).message(fallback: "-")
            #expect(!cleaned.contains("/onnxruntime_src/") && !cleaned.contains("\n"))
        }
    }

    @Test("The vectors are there")
    func vectors() {
        #expect(OnnxTexts.loads.count >= 60 && OnnxTexts.runs.count >= 50)
    }
}
