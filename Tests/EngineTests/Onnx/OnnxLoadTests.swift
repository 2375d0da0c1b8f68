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
            ("sequence", "output 's' of the model is not a tensor"),
            ("float8", "has ONNX element type 17"),
            ("rank9", "has 9 dimensions, at most 8"),
            ("inputs65", "the model has 65 inputs, at most 64"),
            ("no_shape", "input 'x' of the model declares no shape"),
        ]
    )
    func unsupported(name: String, message: String) throws {
        let error = try engineError { _ = try Fixtures.load(name) }
        #expect(error.code == .unsupported)
        #expect(error.message.contains(message))
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
        // An initializer may lie in another file, but not at such a path.
        let isInitializer = ["initializer", "memory"].contains(place)
        #expect(error.code == (isInitializer ? .invalidModel : .unsupported))
        #expect(error.message.contains("tensor '\(tensor)' of the model has its data in another"))
        #expect(!error.message.contains("passwd"))
    }

    @Test("a graph that cannot run is refused", arguments: ["bad_graph", "unknown_operator"])
    func brokenGraphs(name: String) throws {
        let error = try engineError { _ = try Fixtures.load(name) }
        #expect([.invalidModel, .unsupported].contains(error.code))
        #expect(!error.message.contains("/"))
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
