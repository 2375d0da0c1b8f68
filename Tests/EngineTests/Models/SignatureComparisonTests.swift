import Engine
import Testing
import Text

@Suite("Signature comparison")
struct SignatureComparisonTests {
    private static func spec(
        _ name: ExactString,
        _ shape: [Int64] = [-1, 4],
        _ type: ElementType = .fp32,
        isOptional: Bool = false
    ) -> TensorSpec {
        TensorSpec(name: name, type: type, shape: shape, isOptional: isOptional)
    }

    private static func anyRank(_ name: ExactString) -> TensorSpec {
        TensorSpec(name: name, type: .fp32, shape: [], hasUnknownRank: true)
    }

    private static func inputs(_ old: [TensorSpec], _ new: [TensorSpec]) -> [String] {
        SignatureComparison(
            from: ModelSignature(inputs: old, outputs: []),
            to: ModelSignature(inputs: new, outputs: [])
        ).differences
    }

    private static func outputs(_ old: [TensorSpec], _ new: [TensorSpec]) -> [String] {
        SignatureComparison(
            from: ModelSignature(inputs: [], outputs: old),
            to: ModelSignature(inputs: [], outputs: new)
        ).differences
    }

    @Test("an equal signature, also in another order, breaks no caller")
    func equal() {
        let specs = [Self.spec("a"), Self.spec("b", [], .bytes), Self.anyRank("c")]
        #expect(Self.inputs(specs, specs.reversed()) == [])
        #expect(Self.outputs(specs, specs.reversed()) == [])
    }

    @Test(
        "an input that takes less than before breaks callers",
        arguments: [
            (spec("x"), nil, "input 'x', FP32 [-1, 4], is removed"),
            (spec("x", isOptional: true), nil, "input 'x', FP32 [-1, 4], is removed"),
            (
                spec("x"), spec("x", [-1, 4], .int64),
                "input 'x' changes from FP32 [-1, 4] to INT64 [-1, 4]"
            ),
            (
                spec("x"), spec("x", [-1, 4, 1]),
                "input 'x' changes from FP32 [-1, 4] to FP32 [-1, 4, 1]"
            ),
            (spec("x"), spec("x", []), "input 'x' changes from FP32 [-1, 4] to FP32 []"),
            (spec("x"), spec("x", [-1, 5]), "input 'x' changes from FP32 [-1, 4] to FP32 [-1, 5]"),
            (spec("x"), spec("x", [1, 4]), "input 'x' changes from FP32 [-1, 4] to FP32 [1, 4]"),
            (anyRank("x"), spec("x"), "input 'x' changes from FP32 of any shape to FP32 [-1, 4]"),
            (
                spec("x", isOptional: true), spec("x"),
                "input 'x', FP32 [-1, 4], is not optional any more"
            ),
        ] as [(TensorSpec, TensorSpec?, String)]
    )
    func narrowerInput(old: TensorSpec, new: TensorSpec?, difference: String) {
        #expect(Self.inputs([old], new.map { [$0] } ?? []) == [difference])
    }

    @Test(
        "an input that takes all that it did before breaks no caller",
        arguments: [
            (spec("x"), spec("x", [-1, -1])), (spec("x", [1, 4]), spec("x")),
            (spec("x"), spec("x", isOptional: true)), (spec("x"), anyRank("x")),
            (spec("x", []), anyRank("x")), (anyRank("x"), anyRank("x")),
        ]
    )
    func widerInput(old: TensorSpec, new: TensorSpec) {
        #expect(Self.inputs([old], [new]) == [])
    }

    @Test("a new input breaks callers unless it is optional, and a renamed one is two differences")
    func newInput() {
        let x = Self.spec("x")
        #expect(Self.inputs([x], [x, Self.spec("y", isOptional: true)]) == [])
        #expect(
            Self.inputs([x], [x, Self.spec("y", [3])])
                == ["input 'y', FP32 [3], is added and is not optional"]
        )
        #expect(
            Self.inputs([x], [Self.spec("X")]) == [
                "input 'x', FP32 [-1, 4], is removed",
                "input 'X', FP32 [-1, 4], is added and is not optional",
            ]
        )
    }

    @Test("names are compared by their bytes")
    func exactNames() {
        let (composed, decomposed) = (Self.spec("\u{E9}"), Self.spec("e\u{301}"))
        #expect(Self.inputs([composed], [decomposed]).count == 2)
        #expect(Self.outputs([composed], [decomposed]).count == 1)
    }

    @Test(
        "an output that gives something else breaks callers",
        arguments: [
            (spec("y"), nil, "output 'y', FP32 [-1, 4], is removed"),
            (
                spec("y"), spec("y", [-1, 4], .fp64),
                "output 'y' changes from FP32 [-1, 4] to FP64 [-1, 4]"
            ),
            (spec("y"), spec("y", [4]), "output 'y' changes from FP32 [-1, 4] to FP32 [4]"),
            (
                spec("y"), spec("y", [-1, 3]),
                "output 'y' changes from FP32 [-1, 4] to FP32 [-1, 3]"
            ),
            (
                spec("y"), spec("y", [-1, -1]),
                "output 'y' changes from FP32 [-1, 4] to FP32 [-1, -1]"
            ),
            (spec("y"), anyRank("y"), "output 'y' changes from FP32 [-1, 4] to FP32 of any shape"),
        ] as [(TensorSpec, TensorSpec?, String)]
    )
    func otherOutput(old: TensorSpec, new: TensorSpec?, difference: String) {
        #expect(Self.outputs([old], new.map { [$0] } ?? []) == [difference])
    }

    @Test("a new output breaks no caller, and neither does one of which more is said")
    func moreOutput() {
        let y = Self.spec("y")
        #expect(Self.outputs([y], [y, Self.spec("z")]) == [])
        #expect(Self.outputs([y], [Self.spec("y", [2, 4])]) == [])
        #expect(Self.outputs([Self.anyRank("y")], [y]) == [])
    }

    @Test("names are quoted and cut")
    func quotes() {
        let long = String(repeating: "a", count: 100)
        let (difference, other) = (
            Self.outputs([Self.spec(ExactString(long))], []), Self.outputs([Self.spec("a\nb")], [])
        )
        #expect(difference == ["output '\(long.prefix(64))...', FP32 [-1, 4], is removed"])
        #expect(other == ["output 'a\\nb', FP32 [-1, 4], is removed"])
    }

    @Test("the differences are bounded, and the last says how many more there are")
    func bounded() {
        let limit = SignatureComparison.maxDifferences
        func removed(_ count: Int) -> [String] {
            Self.outputs((0..<count).map { Self.spec("y\($0)") }, [])
        }
        #expect(removed(limit).count == limit && removed(limit)[limit - 1].hasSuffix("is removed"))
        let more = removed(limit + 1)
        #expect(more.count == limit && more.last == "2 more differences")
    }
}
