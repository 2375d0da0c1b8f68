import Engine
import Foundation
import Testing
import Text

/// The models of Tests/Fixtures/models and what ONNX Runtime's own Python answers on them.
enum Fixtures {
    /// The repository, also where its test folders are links.
    static let root = URL(filePath: #filePath).resolvingSymlinksInPath()
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    static let folder = root.appending(path: "Tests/Fixtures/models")

    /// Where the library is: as the variable says, otherwise where `make deps` puts it.
    static var libraryPath: String {
        ProcessInfo.processInfo.environment[OnnxLibrarySearch.variable]
            ?? root.appending(path: ".deps/onnxruntime/lib/libonnxruntime.so.1.32.0").path
    }

    /// The engine. A missing library fails the test that asks.
    static func engine() throws -> OnnxRuntime {
        try OnnxRuntime(libraryPath: libraryPath)
    }

    static func bytes(_ name: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: folder.appending(path: name)))
    }

    static func load(_ name: String, threads: Int = 1) throws -> any InferenceModel {
        try load(bytes: bytes("\(name).onnx"), threads: threads)
    }

    static func load(bytes: [UInt8], threads: Int = 1) throws -> any InferenceModel {
        try engine().load(ModelInMemory(entry: bytes), options: LoadOptions(threads: threads))
    }

    static func runs(_ name: String) throws -> [FixtureRun] {
        let data = try Data(contentsOf: folder.appending(path: "\(name).json"))
        return try JSONDecoder().decode(FixtureRuns.self, from: data).runs
    }
}

struct FixtureRuns: Decodable {
    let runs: [FixtureRun]
}

struct FixtureRun: Decodable {
    let inputs: [FixtureTensor]
    let outputs: [FixtureTensor]

    func tensors() throws -> [InputTensor] {
        try inputs.map { try $0.tensor() }
    }
}

struct FixtureTensor: Decodable {
    let name: String
    let type: String
    let shape: [Int64]
    let hex: String

    func tensor() throws -> InputTensor {
        InputTensor(
            name: ExactString(name),
            type: try #require(ElementType(name: type)),
            shape: shape,
            bytes: try bytes()
        )
    }

    func bytes() throws -> [UInt8] {
        let digits = Array(hex.utf8)
        try #require(digits.count.isMultiple(of: 2))
        return try stride(from: 0, to: digits.count, by: 2).map { index in
            let pair = String(decoding: digits[index..<index + 2], as: UTF8.self)
            return try #require(UInt8(pair, radix: 16))
        }
    }
}

/// The error that a body throws, as an ``EngineError``.
func engineError(_ body: () throws -> Void) throws -> EngineError {
    let error = try #require(throws: EngineError.self) { try body() }
    return error
}

/// The elements of a BYTES tensor, encoded.
func encoded(_ elements: [[UInt8]]) -> [UInt8] {
    elements.flatMap { element in
        withUnsafeBytes(of: UInt32(element.count).littleEndian) { Array($0) } + element
    }
}

/// The bytes of numbers.
func bytes<Number: BitwiseCopyable>(_ numbers: [Number]) -> [UInt8] {
    numbers.withUnsafeBytes { Array($0) }
}
