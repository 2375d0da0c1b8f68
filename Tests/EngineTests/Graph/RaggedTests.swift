import Testing

@testable import Engine

@Suite("Dimensions padded to the longest row")
struct RaggedTests {
    /// Words as numbers, then a Pad and a Slice of these.
    private static func window(
        pad: Int64 = 4,
        before: Int64 = 0,
        value: Int64? = nil,
        mode: String = "constant",
        start: Int64 = 0,
        end: Int64 = 4,
        step: Int64 = 1,
        axis: Int64 = 1,
        keys: [String] = ["", "good"]
    ) -> RowAnalysis {
        var graph = TestGraph(opset: 20, [:])
        graph.input("text", ["N"], type: TestGraph.string)
        graph.node("StringSplit", ["text"], ["words", "count"], name: "split")
        graph.node(
            "LabelEncoder",
            ["words"],
            ["numbers"],
            domain: "ai.onnx.ml",
            [
                "keys_strings": .texts(keys),
                "values_int64s": .ints(keys.indices.map { Int64($0) }),
                "default_int64": .int(9),
            ]
        )
        graph.ints("pads", [0, before, 0, pad])
        graph.ints("value", [value ?? 0], isScalar: true)
        let inputs = ["numbers", "pads"] + (value == nil ? [] : ["value"])
        graph.node("Pad", inputs, ["padded"], ["mode": .text(mode)])
        for (name, number) in [("start", start), ("end", end), ("axis", axis), ("step", step)] {
            graph.ints(name, [number])
        }
        graph.node("Slice", ["padded", "start", "end", "axis", "step"])
        return graph.analysis
    }

    @Test("the same padding by K or more, and a Slice to K, clear them")
    func cleared() {
        #expect(Self.window().independence == .proved)
        #expect(Self.window(pad: 5).independence == .proved)
        #expect(Self.window(value: 0).independence == .proved)
        #expect(Self.window(axis: -1).independence == .proved)
    }

    @Test("anything else does not, and the reason names the operator that pads")
    func kept() {
        let wrong = [
            Self.window(pad: 3), Self.window(pad: 0), Self.window(before: 1),
            Self.window(value: 1), Self.window(mode: "edge"), Self.window(start: 1, end: 5),
            Self.window(end: -1), Self.window(end: 5), Self.window(step: 2),
            Self.window(start: -4, end: 4), Self.window(keys: ["good", "bad"]),
            Self.window(keys: ["", ""]),
        ]
        for analysis in wrong {
            #expect(!analysis.isProved)
            #expect(
                analysis.reason
                    == "node 'split' (StringSplit): it pads each row to the longest of the run"
            )
        }
    }

    @Test("a Slice of the rows does not clear them")
    func otherAxis() {
        #expect(!Self.window(axis: 0).isProved)
    }

    @Test("as an output they are refused", arguments: ["StringSplit", "Tokenizer"])
    func output(type: String) {
        var graph = TestGraph(opset: 20, ["x": ["N"]])
        graph.node(type, ["x"], ["y"], domain: type == "Tokenizer" ? "com.microsoft" : "")
        #expect(!graph.analysis.isProved)
        #expect(graph.analysis.provesRowCount)
        #expect(graph.analysis.reason.contains("(\(type)): it pads each row to the longest"))
    }

    @Test("the numbers of parts are those of each row")
    func counts() {
        var graph = TestGraph(opset: 20, ["x": ["N"]])
        graph.node("StringSplit", ["x"], ["", "y"])
        #expect(graph.analysis.isProved)
    }

    @Test("whatever else looks at them is refused", arguments: ["Relu", "Flatten", "Softmax"])
    func used(type: String) {
        var graph = TestGraph(opset: 20, ["x": ["N"]])
        graph.node("StringSplit", ["x"], ["words", "count"])
        graph.node(type, ["words"])
        #expect(graph.analysis.reason.contains("(StringSplit): it pads"))
    }

    @Test("a sum of whole numbers over padding of zeros is that of each row", arguments: [0, 1])
    func sums(padding: Int64) {
        var graph = TestGraph(opset: 20, ["x": ["N"]])
        graph.node("StringSplit", ["x"], ["words", "count"])
        graph.node(
            "LabelEncoder",
            ["words"],
            ["numbers"],
            domain: "ai.onnx.ml",
            ["keys_strings": .texts([""]), "values_int64s": .ints([padding])]
        )
        graph.node("Sign", ["numbers"], ["signs"])
        graph.ints("axis", [1])
        graph.node("ReduceSum", ["signs", "axis"], ["y"], ["keepdims": .int(0)])
        #expect(graph.analysis.isProved == (padding == 0))
    }

    @Test("a length taken from them is refused")
    func lengths() {
        var graph = TestGraph(opset: 20, ["x": ["N"]])
        graph.node("StringSplit", ["x"], ["words", "count"])
        graph.node("Shape", ["words"], ["shape"])
        graph.ints("one", [1])
        graph.node("Gather", ["shape", "one"], ["width"])
        graph.node("Add", ["count", "width"])
        #expect(graph.analysis.reason.contains("(StringSplit): it pads"))
    }
}
