import Engine
import Foundation
import Testing
import Text

@Suite("Loads of ONNX Runtime")
struct OnnxLoadTests {
    @Test("a signature is read from the model")
    func signature() throws {
        let model = try Fixtures.load("mlp_4_8_3_a", threads: 2)
        #expect(
            model.signature
                == ModelSignature(
                    inputs: [TensorSpec(name: "x", type: .fp32, shape: [-1, 4])],
                    outputs: [TensorSpec(name: "y", type: .fp32, shape: [-1, 3])]
                )
        )
        #expect(model.resources.threads == 2)
        #expect(model.resources.modelBytes == (try Fixtures.bytes("mlp_4_8_3_a.onnx")).count)
        #expect(try Fixtures.load("scalar").signature.inputs.map(\.shape) == [[], []])
        #expect(
            try Fixtures.load("rank8").signature.inputs.map(\.shape)
                == [[-1, 2, -1, 1, 2, 1, 2, -1]]
        )
    }

    @Test(
        "what a tensor of the schema cannot be is refused",
        arguments: [
            ("sequence", "output 's' of the model is of kind sequence, and only tensors"),
            ("optional", "input 'x' of the model is of kind optional, and only tensors"),
            (
                "zip_map",
                "made by node 'zip' (ZipMap): export the model with the option zipmap=False"
            ),
            ("float8", "input 'x' of the model has elements of type FLOAT8E4M3FN, expected one of"),
            (
                "int4",
                "input 'x' of the model has elements of type INT4, expected one of BOOL, UINT8"
            ),
            ("rank9", "has 9 dimensions, at most 8"),
            ("locale", "asks for the locale 'xx_YY' (attribute locale of a StringNormalizer)"),
        ]
    )
    func unsupported(name: String, message: String) throws {
        let error = try engineError { _ = try Fixtures.load(name) }
        #expect(error.code == .unsupported)
        #expect(error.message.contains(message))
    }

    @Test("inputs with defaults that a request can carry are optional inputs, behind the others")
    func optionalInputs() throws {
        #expect(
            try Fixtures.load("defaults").signature.inputs == [
                TensorSpec(name: "x", type: .fp32, shape: [-1]),
                TensorSpec(name: "scale", type: .fp32, shape: [1], isOptional: true),
            ]
        )
    }

    @Test("inputs and outputs that declare no shape have any")
    func unknownRank() throws {
        let signature = try Fixtures.load("no_shape").signature
        #expect(
            signature.inputs
                == [TensorSpec(name: "x", type: .fp32, shape: [], hasUnknownRank: true)]
        )
        #expect(signature.outputs.map(\.hasUnknownRank) == [true])
    }

    @Test("as many inputs are taken as a request may have, and one more is refused")
    func inputLimit() throws {
        let limit = EngineLimits.maxTensors
        let model = try Fixtures.load(bytes: Proto.sum(inputs: limit))
        #expect(model.signature.inputs.count == limit)
        let inputs = (0..<limit).map { index in
            InputTensor(name: "x\(index)", type: .fp32, shape: [1], bytes: bytes([Float(index)]))
        }
        let sum = Float(limit * (limit - 1) / 2)
        for inputs in [inputs, inputs.reversed()] {
            let outputs = try model.run(inputs, outputs: [], stop: nil)
            #expect(try #require(outputs.first).copied() == bytes([sum]))
        }
        let error = try engineError {
            _ = try Fixtures.load(bytes: Proto.sum(inputs: limit + 1))
        }
        #expect(error.code == .unsupported)
        #expect(error.message == "the model has 1025 inputs, at most 1024 are taken")
    }

    @Test("defaults are left out where they make more inputs than a request may have")
    func tooManyDefaults() throws {
        let (required, limit) = (1_000, EngineLimits.maxTensors)
        let fits = try Fixtures.load(bytes: Proto.sum(inputs: limit, defaultsFrom: required))
        #expect(fits.signature.inputs.filter(\.isOptional).count == limit - required)
        let more = try Fixtures.load(bytes: Proto.sum(inputs: limit + 1, defaultsFrom: required))
        #expect(more.signature.inputs.count == required)
    }

    @Test("a text model that asks for the locale en_US gets it")
    func locale() throws {
        let model = try Fixtures.load("text")
        let text = InputTensor(
            name: "s",
            type: .bytes,
            shape: [1],
            bytes: encoded([Array("GUTE Ümlaute".utf8)])
        )
        let outputs = try model.run([text], outputs: [], stop: nil)
        #expect(try #require(outputs.first).copied() == encoded([Array("gute ümlaute".utf8)]))
    }

    @Test(
        "data in other files of the bundle is taken wherever ONNX allows a tensor",
        arguments: [
            ("initializer", [Float(3)]), ("attribute", [3]), ("subgraph", [3]), ("sparse", [3]),
            ("function", [2]), ("training", nil),
        ] as [(String, [Float]?)]
    )
    func dataOutside(place: String, expected: [Float]?) throws {
        let source = ModelInMemory(
            entry: try Fixtures.bytes("outside_\(place).onnx"),
            files: ["w.bin": HeldArray(bytes([Float(2)]))]
        )
        let model = try Fixtures.engine().load(source, options: LoadOptions())
        guard let expected else { return }
        let one = InputTensor(name: "x", type: .fp32, shape: [1], bytes: bytes([Float(1)]))
        let outputs = try model.run([one], outputs: [], stop: nil)
        #expect(try #require(outputs.first).copied() == bytes(expected))
    }

    @Test(
        "data outside of the bundle is refused wherever ONNX allows a tensor",
        arguments: [
            ("initializer", "w"), ("memory", "w"), ("attribute", "in attribute"),
            ("subgraph", "in attribute"), ("sparse", "values"), ("function", "in attribute"),
            ("training", "in training"),
        ]
    )
    func externalData(place: String, tensor: String) throws {
        let error = try engineError { _ = try Fixtures.load("external_\(place)") }
        #expect(error.code == .invalidModel)
        #expect(error.message.contains("tensor '\(tensor)' of the model has its data in another"))
        #expect(
            error.message.contains(
                place == "memory"
                    ? "'*/_ORT_MEM_ADDR_/*', which is a path that no file of a bundle has"
                    : "'/etc/passwd', which is an absolute path"
            )
        )
    }

    @Test("a graph that cannot run is refused", arguments: ["bad_graph", "unknown_operator"])
    func brokenGraphs(name: String) throws {
        let error = try engineError { _ = try Fixtures.load(name) }
        #expect([.invalidModel, .unsupported].contains(error.code))
        #expect(!error.message.contains(".cc:"))
        #expect(!error.detail.isEmpty)
    }

    @Test("files of other kinds are no models")
    func foreignFiles() throws {
        let foreign: [(String, [UInt8])] = [
            ("empty", []),
            ("PNG", [0x89] + Array("PNG\r\n\u{1A}\n".utf8) + [0, 0, 0, 13] + Array("IHDR".utf8)),
            ("zip", Array("PK\u{3}\u{4}".utf8) + [UInt8](repeating: 0, count: 26)),
            ("text", Array("format: 1\nengine: onnxruntime\n".utf8)),
            ("the runtime's own format", [24, 0, 0, 0] + Array("ORTM".utf8) + [0, 0, 0, 0]),
            ("zeros", [UInt8](repeating: 0, count: 64)),
            ("no graph", [0x08, 0x08]),
        ]
        for (kind, bytes) in foreign {
            let error = try engineError { _ = try Fixtures.load(bytes: bytes) }
            #expect(error.code == .invalidModel, "\(kind)")
            #expect(error.message.hasPrefix("the file is not an ONNX model: "), "\(kind)")
        }
    }

    @Test("a model that was cut short anywhere is refused or loads, and nothing worse")
    func truncations() throws {
        let whole = try Fixtures.bytes("mlp_4_8_3_a.onnx")
        for length in 0..<whole.count {
            do {
                _ = try Fixtures.load(bytes: Array(whole[..<length]))
            } catch let error as EngineError {
                #expect([.invalidModel, .unsupported].contains(error.code))
            }
        }
    }

    @Test("a model with a byte flipped anywhere is refused or loads, and nothing worse")
    func flips() throws {
        let whole = try Fixtures.bytes("scalar.onnx")
        for index in whole.indices {
            var flipped = whole
            flipped[index] ^= 0x11
            do {
                _ = try Fixtures.load(bytes: flipped)
            } catch let error as EngineError {
                #expect([.invalidModel, .unsupported].contains(error.code))
            }
        }
    }

    @Test(
        "a model with data in other files and a byte flipped is refused or loads, nothing worse",
        arguments: ["initializer", "attribute", "subgraph", "sparse", "function"]
    )
    func flipsOfReferences(place: String) throws {
        let whole = try Fixtures.bytes("outside_\(place).onnx")
        for index in whole.indices {
            var flipped = whole
            flipped[index] ^= 0x11
            let source = ModelInMemory(
                entry: flipped,
                files: ["w.bin": HeldArray(bytes([Float(2)]))]
            )
            do {
                _ = try Fixtures.engine().load(source, options: LoadOptions())
            } catch let error as EngineError {
                #expect([.invalidModel, .unsupported].contains(error.code))
            }
        }
    }

    @Test("a number of threads outside of its limits is refused", arguments: [0, -1, 257])
    func threads(count: Int) throws {
        let error = try engineError { _ = try Fixtures.load("scalar", threads: count) }
        #expect(error.code == .unsupported)
    }

    @Test("a source that cannot be read is no fault of the model")
    func unreadableSource() throws {
        struct Broken: ModelSource {
            struct Failure: Error {}
            func withEntry<Result>(_ body: (RawSpan) throws -> Result) throws -> Result {
                throw Failure()
            }
            func byteCount(ofFile path: ExactString) -> UInt64? { nil }
            func file(_ path: ExactString) throws -> any HeldBytes { throw Failure() }
        }
        let engine = try Fixtures.engine()
        let error = try engineError { _ = try engine.load(Broken(), options: LoadOptions()) }
        #expect(error.code == .unavailable)
        #expect(error.detail.contains("Failure"))
    }

    @Test("the runtime writes nothing to stderr, whatever is wrong")
    func silence() async throws {
        let result = await #expect(
            processExitsWith: .success,
            observing: [\.standardErrorContent]
        ) {
            for name in ["unknown_operator", "bad_graph", "sequence", "float8"] {
                _ = try? Fixtures.load(name)
            }
            let whole = try Fixtures.bytes("mlp_4_8_3_a.onnx")
            for index in stride(from: 0, to: whole.count, by: 3) {
                var flipped = whole
                flipped[index] ^= 0xFF
                _ = try? Fixtures.load(bytes: flipped)
            }
            let index = InputTensor(
                name: "index",
                type: .int64,
                shape: [1],
                bytes: bytes([Int64(99)])
            )
            _ = try? Fixtures.load("gather").run([index], outputs: [], stop: nil)
        }
        let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
        #expect(text == "")
    }
}
