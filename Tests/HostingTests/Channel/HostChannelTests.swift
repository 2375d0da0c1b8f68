import Engine
import EngineTesting
import Foundation
import Synchronization
import Testing
import Text

@testable import Hosting

@Suite("Runs through shared memory")
struct HostChannelTests {
    /// A signature of one input and one output of a type, of any rank.
    private static func signature(_ type: ElementType) -> ModelSignature {
        ModelSignature(
            inputs: [TensorSpec(name: "x", type: type, shape: [], hasUnknownRank: true)],
            outputs: [TensorSpec(name: "y", type: type, shape: [], hasUnknownRank: true)]
        )
    }

    private static func sample(_ type: ElementType, count: Int) -> [UInt8] {
        switch type {
        case .bool: (0..<count).map { UInt8($0 % 2) }
        case .bytes: encoded((0..<count).map { [UInt8](repeating: UInt8($0 % 256), count: $0 % 7) })
        default: (0..<count * (type.byteCount ?? 0)).map { UInt8(truncatingIfNeeded: 255 - $0 * 7) }
        }
    }

    @Test(
        "Every element type and shape goes through unchanged",
        arguments: ElementType.allCases,
        [
            [], [0], [1], [5], [3, 0, 2], [1, 2, 1, 2, 1, 2, 1, 2], [2, 3_000],
        ] as [[Int64]]
    )
    func echo(type: ElementType, shape: [Int64]) throws {
        let signature = Self.signature(type)
        let host = try TestHost(fakeModel(FakeScript(signature: signature)))
        let data = Self.sample(type, count: shape.reduce(1) { $0 * Int($1) })
        let input = InputTensor(name: "x", type: type, shape: shape, bytes: data)
        let outputs = try host.channel.run([input], of: signature)
        #expect(outputs.map(\.name) == ["y"])
        #expect(outputs.map(\.type) == [type])
        #expect(outputs.map(\.shape) == [shape])
        #expect(outputs.first?.copied() == data)
    }

    @Test(
        "ONNX models answer bit for bit as in the server, with and without places",
        arguments: [
            "mlp_4_8_3_a", "casts", "bf16", "scalar", "rank8", "two", "upper", "lent",
            "sensitive", "defaults", "no_shape", "overridable",
        ],
        [RowAnalysis.proved, RowAnalysis.unproved]
    )
    func onnxModels(name: String, analysis: RowAnalysis) throws {
        let model = try Fixture.load(name)
        // A place of a wrong shape must not change an answer either: the proof is not the model's.
        let host = try TestHost(model)
        for rows in [1, 3, 7] as [Int64] {
            let inputs = model.signature.inputs.filter { !$0.isOptional }.map { spec in
                let shape = spec.shape.map { $0 < 0 ? rows : $0 }
                let count = shape.reduce(1) { $0 * Int($1) }
                let data: [UInt8] =
                    spec.type == .fp32
                    ? bytes((0..<count).map { Float($0) * 0.37 - 1 })
                    : Self.sample(spec.type, count: count)
                return InputTensor(name: spec.name, type: spec.type, shape: shape, bytes: data)
            }
            let direct: [OutputTensor]
            do {
                direct = try model.run(inputs, outputs: [], stop: nil)
            } catch {
                let hosted = try engineError {
                    _ = try host.channel.run(inputs, of: model.signature, rows: analysis)
                }
                #expect(hosted.code == error.code)
                #expect(hosted.message == error.message)
                continue
            }
            for _ in 0..<2 {
                let hosted = try host.channel.run(inputs, of: model.signature, rows: analysis)
                #expect(hosted.map(\.name) == direct.map(\.name))
                #expect(hosted.map(\.type) == direct.map(\.type))
                #expect(hosted.map(\.shape) == direct.map(\.shape))
                #expect(hosted.map { $0.copied() } == direct.map { $0.copied() })
            }
        }
        #expect(host.killed.current == nil)
    }

    @Test("Outputs whose size is proved are written by ONNX Runtime into the ring")
    func placesAreUsed() throws {
        let model = try Fixture.load("mlp_4_8_3_a")
        let input = rows(64)
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 * 3 * 4, alignment: 64)
        defer { memory.deallocate() }
        let place = OutputPlace(type: .fp32, shape: [64, 3], memory: memory)
        let name = model.signature.outputs[0].name
        let placed = try model.run([input], outputs: [name], into: [place], stop: nil)
        #expect(
            placed[0].withBytes {
                $0.withUnsafeBytes { $0.baseAddress == UnsafeRawPointer(memory.baseAddress) }
            }
        )
        let direct = try model.run([input], outputs: [name], stop: nil)
        #expect(placed[0].copied() == direct[0].copied())
        // A wrong place is left alone, now and later.
        let wrong = OutputPlace(type: .fp32, shape: [32, 3], memory: memory)
        for _ in 0..<2 {
            let outputs = try model.run([input], outputs: [name], into: [wrong], stop: nil)
            #expect(outputs[0].shape == [64, 3])
            #expect(outputs[0].copied() == direct[0].copied())
        }
        let late = try model.run([input], outputs: [name], into: [place], stop: nil)
        #expect(
            late[0].withBytes {
                $0.withUnsafeBytes { $0.baseAddress != UnsafeRawPointer(memory.baseAddress) }
            }
        )
    }

    @Test("A run takes 1,024 inputs and 1,024 outputs, in any order and choice")
    func manyTensors() throws {
        let count = EngineLimits.maxTensors
        let signature = ModelSignature(
            inputs: (0..<count).map {
                TensorSpec(name: ExactString("x\($0)"), type: .int32, shape: [-1, 1])
            },
            outputs: (0..<count).map {
                TensorSpec(name: ExactString("y\($0)"), type: .int32, shape: [-1, 1])
            }
        )
        let host = try TestHost(fakeModel(FakeScript(signature: signature)))
        let inputs = (0..<count).map { index in
            InputTensor(
                name: ExactString("x\(index)"),
                type: .int32,
                shape: [2, 1],
                bytes: bytes([Int32(index), Int32(-index)])
            )
        }
        let all = try host.channel.run(inputs.reversed(), of: signature)
        #expect(all.map(\.name) == signature.outputs.map(\.name))
        #expect(all.map { $0.copied() } == inputs.map { $0.bytes.copied() })
        let some = try host.channel.run(
            inputs,
            outputs: ["y1023", "y0"],
            signature: signature,
            rows: .proved,
            stop: nil
        )
        #expect(some.map(\.name) == ["y1023", "y0"])
        #expect(some.map { $0.copied() } == [inputs[1_023], inputs[0]].map { $0.bytes.copied() })
        let error = try engineError {
            _ = try host.channel.run(inputs + [inputs[0]], of: signature)
        }
        #expect(error.code == .invalidInput)
    }

    @Test("What the signature refuses is refused before the host sees it, the rest by the model")
    func invalidInputs() throws {
        let host = try TestHost(fakeModel(FakeScript()))
        let signature = ModelSignature.rows()
        let wrong: [[InputTensor]] = [
            [], [rows(1), rows(1)], [rows(1, columns: 3)],
            [
                InputTensor(
                    name: "z",
                    type: .fp32,
                    shape: [1, 4],
                    bytes: [UInt8](repeating: 0, count: 16)
                )
            ],
            [
                InputTensor(
                    name: "x",
                    type: .fp64,
                    shape: [1, 4],
                    bytes: [UInt8](repeating: 0, count: 32)
                )
            ],
            [
                InputTensor(
                    name: "x",
                    type: .fp32,
                    shape: [1, 4],
                    bytes: [UInt8](repeating: 0, count: 15)
                )
            ],
            [InputTensor(name: "x", type: .fp32, shape: [-1, 4], bytes: [])],
        ]
        for inputs in wrong {
            let hosted = try engineError { _ = try host.channel.run(inputs, of: signature) }
            let direct = try engineError { try signature.check(inputs) }
            #expect(hosted.code == .invalidInput)
            #expect(hosted.message == direct.message)
        }
        let texts = Self.signature(.bytes)
        let textHost = try TestHost(fakeModel(FakeScript(signature: texts)))
        let broken = InputTensor(name: "x", type: .bytes, shape: [2], bytes: [1, 0, 0, 0, 65])
        let error = try engineError { _ = try textHost.channel.run([broken], of: texts) }
        #expect(error.message == "input 'x' has 1 BYTES elements, its shape says 2")
        #expect(host.killed.current == nil && textHost.killed.current == nil)
    }

    @Test("An error of the model comes with its code, message and detail, cut at their limits")
    func errorsComeThrough() throws {
        for code in LaneReply.codes where code != .terminated {
            let error = EngineError(
                code,
                "näive " + String(repeating: "m", count: 5_000),
                detail: String(repeating: "d", count: 9_000)
            )
            let host = try TestHost(fakeModel(FakeScript(answer: .fail(error))))
            let got = try engineError { _ = try host.channel.run([rows(1)], of: .rows()) }
            #expect(got.code == code)
            #expect(
                got.message == String(decoding: error.message.utf8.prefix(4_096), as: UTF8.self)
            )
            #expect(got.detail == String(repeating: "d", count: 8_192))
        }
    }

    private static func output(_ shape: [Int64], type: ElementType = .fp32) -> OutputTensor {
        let count = shape.reduce(1) { $0 * Int($1) } * (type.byteCount ?? 0)
        return OutputTensor(
            name: "y",
            type: type,
            shape: shape,
            bytes: (0..<count).map { UInt8(truncatingIfNeeded: $0) }
        )
    }

    @Test(
        "An output of another type, or that no tensor is, is an error of the run and ends nothing"
    )
    func wrongOutputs() throws {
        let wrong: [[OutputTensor]] = [
            [], [Self.output([1, 4], type: .fp64)],
            [Self.output([1, 1, 1, 1, 1, 1, 1, 1, 4])],
        ]
        for outputs in wrong {
            let host = try TestHost(fakeModel(FakeScript(answer: .compute { _ in outputs })))
            let error = try engineError { _ = try host.channel.run([rows(1)], of: .rows()) }
            #expect(error.code == .runtimeFailed)
            #expect(host.killed.current == nil)
        }
    }

    @Test(
        "An output whose shape the model declares otherwise is given as it is",
        arguments: [
            [1, 3], [4], [], [0], [1, 0], [2, 2], [3, 5, 7], [1, 1, 1, 1, 1, 1, 1, 4], [1_000, 9],
        ] as [[Int64]],
        [RowAnalysis.proved, .unproved]
    )
    func undeclaredShapes(shape: [Int64], rows analysis: RowAnalysis) throws {
        let output = Self.output(shape)
        let host = try TestHost(fakeModel(FakeScript(answer: .compute { _ in [output] })))
        for _ in 0..<3 {
            let given = try host.channel.run([rows(1)], of: .rows(), rows: analysis)
            #expect(given.map(\.shape) == [shape])
            #expect(given[0].copied() == output.copied())
        }
        #expect(host.killed.current == nil)
    }
}
