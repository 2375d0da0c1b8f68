import Engine
import EngineTesting
import Testing
import Text

@Suite("Runs of ONNX Runtime")
struct OnnxRunTests {
    @Test(
        "answers are bit for bit those of ONNX Runtime's own Python",
        arguments: [
            "mlp_4_8_3_a", "mlp_4_8_3_b", "casts", "bf16", "scalar", "rank8", "two", "upper",
            "old_ir", "overridable",
        ]
    )
    func answersEqualPythons(name: String) throws {
        let model = try Fixtures.load(name)
        for run in try Fixtures.runs(name) {
            let outputs = try model.run(try run.tensors(), outputs: [], stop: nil)
            try #require(outputs.count == run.outputs.count)
            for (output, expected) in zip(outputs, run.outputs) {
                #expect(output.name.text == expected.name)
                #expect(output.type.name == expected.type)
                #expect(output.shape == expected.shape)
                #expect(output.copied() == (try expected.bytes()))
                #expect(output.byteCount == (try expected.bytes()).count)
            }
        }
    }

    @Test("the two models of one shape differ on every input")
    func siblingsDiffer() throws {
        let (first, second) = try (Fixtures.runs("mlp_4_8_3_a"), Fixtures.runs("mlp_4_8_3_b"))
        #expect(first.count == second.count)
        for (a, b) in zip(first, second) where !a.outputs[0].hex.isEmpty {
            #expect(a.inputs[0].hex == b.inputs[0].hex)
            #expect(a.outputs[0].hex != b.outputs[0].hex)
        }
    }

    @Test("every element type goes through unchanged", arguments: ElementType.allCases)
    func everyTypeGoesThrough(type: ElementType) throws {
        let model = try Fixtures.load("types")
        let name: ExactString = "in_\(type.name.lowercased())"
        let spec = try #require(model.signature.inputs.first { $0.name == name })
        #expect(spec == TensorSpec(name: name, type: type, shape: [-1]))
        for count in [0, 1, 5] {
            let data = Self.sample(type, count: count)
            let outputs = try model.run(
                Self.inputs(of: model, setting: name, to: data, count: count),
                outputs: ["out_\(type.name.lowercased())"],
                stop: nil
            )
            try #require(outputs.count == 1)
            #expect(outputs[0].type == type)
            #expect(outputs[0].shape == [Int64(count)])
            #expect(outputs[0].copied() == data)
        }
    }

    @Test("strings may have any bytes, zeros and bad UTF-8 included")
    func stringsHaveAnyBytes() throws {
        let model = try Fixtures.load("types")
        let elements: [[UInt8]] = [
            [], [0], [0, 0, 0], [0x61, 0, 0xFF], [0xC3, 0x28], Array(0...255),
            [UInt8](repeating: 0x7A, count: 100_000), [],
        ]
        let data = encoded(elements)
        let outputs = try model.run(
            Self.inputs(of: model, setting: "in_bytes", to: data, count: elements.count),
            outputs: ["out_bytes"],
            stop: nil
        )
        #expect(outputs.first?.copied() == data)
    }

    @Test("outputs come in the order in which they are asked for, and no others")
    func outputsAreChosen() throws {
        let model = try Fixtures.load("two")
        let run = try #require(try Fixtures.runs("two").first)
        let inputs = try run.tensors()
        #expect(try model.run(inputs, outputs: ["size"], stop: nil).map(\.name) == ["size"])
        #expect(
            try model.run(inputs, outputs: ["size", "product"], stop: nil).map(\.name)
                == ["size", "product"]
        )
        #expect(
            try model.run(inputs.reversed(), outputs: [], stop: nil).map(\.name)
                == ["product", "size"]
        )
    }

    @Test("bytes that are not aligned to their elements give the same answer", arguments: 0..<8)
    func unalignedBytes(shift: Int) throws {
        let model = try Fixtures.load("mlp_4_8_3_a")
        let run = try #require(try Fixtures.runs("mlp_4_8_3_a").dropFirst(2).first)
        let input = try #require(try run.tensors().first)
        let shifted = InputTensor(
            name: input.name,
            type: input.type,
            shape: input.shape,
            bytes: ShiftedBytes(input.bytes.copied(), by: shift)
        )
        let outputs = try model.run([shifted], outputs: [], stop: nil)
        #expect(outputs[0].copied() == (try run.outputs[0].bytes()))
    }

    @Test("an output that is an input, or a constant, stays good after bytes and model are gone")
    func outputsOutliveEverything() throws {
        var model: (any InferenceModel)? = try Fixtures.load("lent")
        let values: [Float] = [1, 2, 3, 4]
        let lent = ReusedBytes(bytes(values))
        let input = InputTensor(name: "x", type: .fp32, shape: [4], bytes: lent)
        let outputs = try #require(try model?.run([input], outputs: [], stop: nil))
        model = nil
        lent.overwrite(with: 0xEE)
        #expect(outputs.map(\.name) == ["x", "constant", "negative"])
        #expect(outputs[0].copied() == bytes(values))
        #expect(outputs[1].copied() == bytes((0..<6).map { Float($0) }))
        #expect(outputs[2].copied() == bytes(values.map { -$0 }))
    }

    @Test("a model needs its file no longer than its load takes")
    func fileIsGivenBack() throws {
        let file = ReusedBytes(try Fixtures.bytes("mlp_4_8_3_a.onnx"))
        let model = try Fixtures.engine().load(
            ModelInMemory(entry: file),
            options: LoadOptions()
        )
        file.overwrite(with: 0xEE)
        let run = try #require(try Fixtures.runs("mlp_4_8_3_a").first)
        let outputs = try model.run(try run.tensors(), outputs: [], stop: nil)
        #expect(outputs[0].copied() == (try run.outputs[0].bytes()))
    }

    @Test("an initializer that is listed as an input is not asked of callers")
    func initializersAreNoInputs() throws {
        for name in ["old_ir", "overridable"] {
            #expect(try Fixtures.load(name).signature.inputs.map(\.name) == ["x"])
        }
    }

    @Test("a value that an operator refuses is the caller's error, without the runtime's text")
    func refusedValues() throws {
        let model = try Fixtures.load("gather")
        let index = InputTensor(name: "index", type: .int64, shape: [1], bytes: bytes([Int64(99)]))
        let error = try engineError { _ = try model.run([index], outputs: [], stop: nil) }
        #expect(error.code == .invalidInput)
        #expect(error.message == "the model refused the values of this input")
        #expect(error.detail.contains("99"))
        let good = InputTensor(name: "index", type: .int64, shape: [1], bytes: bytes([Int64(3)]))
        let outputs = try model.run([good], outputs: [], stop: nil)
        #expect(outputs[0].copied() == bytes([Float(6), 7]))
    }

    @Test("sizes that do not go together fail the run and not the model")
    func sizesThatDoNotFit() throws {
        let model = try Fixtures.load("two")
        let left = InputTensor(
            name: "left",
            type: .fp32,
            shape: [1, 2],
            bytes: bytes([Float](repeating: 1, count: 2))
        )
        let right = InputTensor(
            name: "right",
            type: .fp32,
            shape: [3, 1],
            bytes: bytes([Float](repeating: 1, count: 3))
        )
        let error = try engineError { _ = try model.run([left, right], outputs: [], stop: nil) }
        #expect([.runtimeFailed, .invalidInput].contains(error.code))
        #expect(!error.message.contains("/"))
        let run = try #require(try Fixtures.runs("two").first)
        #expect(try model.run(try run.tensors(), outputs: [], stop: nil).count == 2)
    }

    @Test("several threads at once get the same bytes", arguments: [1, 2])
    func concurrentRuns(threads: Int) async throws {
        let model = try Fixtures.load("mlp_4_8_3_a", threads: threads)
        let run = try #require(try Fixtures.runs("mlp_4_8_3_a").dropFirst(2).first)
        let inputs = try run.tensors()
        let expected = try run.outputs[0].bytes()
        let wrong = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    var wrong = 0
                    for _ in 0..<200 {
                        let outputs = try model.run(inputs, outputs: [], stop: nil)
                        if outputs[0].copied() != expected { wrong += 1 }
                    }
                    return wrong
                }
            }
            return try await group.reduce(0, +)
        }
        #expect(wrong == 0)
    }

    /// The bits of elements of a type: all of them different, with every bit in use.
    private static func sample(_ type: ElementType, count: Int) -> [UInt8] {
        switch type {
        case .bool: (0..<count).map { UInt8($0 % 2) }
        case .bytes: encoded((0..<count).map { [UInt8](repeating: UInt8(200 + $0), count: $0) })
        default: (0..<count * (type.byteCount ?? 0)).map { UInt8(truncatingIfNeeded: 255 - $0 * 7) }
        }
    }

    /// Empty tensors for all inputs but one.
    private static func inputs(
        of model: any InferenceModel,
        setting name: ExactString,
        to data: [UInt8],
        count: Int
    ) -> [InputTensor] {
        model.signature.inputs.map { spec in
            spec.name == name
                ? InputTensor(name: name, type: spec.type, shape: [Int64(count)], bytes: data)
                : InputTensor(name: spec.name, type: spec.type, shape: [0], bytes: [])
        }
    }
}
