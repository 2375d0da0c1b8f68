import Foundation
import Testing

@testable import Engine

@Suite("Models as exporters write them")
struct ExportedModelsTests {
    private static let folder = Fixtures.root.appending(path: "Tests/Fixtures/patterns")

    static let names = [
        "keras_cnn", "keras_gru", "lightgbm", "sklearn_columns", "sklearn_forest",
        "sklearn_logistic", "text_window", "torch_attention", "torch_bert", "torch_cnn_flatten",
        "torch_cnn_size", "torch_cnn_view", "torch_lstm", "torch_mlp", "torch_norm",
        "torch_recommender", "torch_resnet_block", "torch_vit",
    ]

    private static func load(_ name: String) throws -> any InferenceModel {
        let data = try Data(contentsOf: folder.appending(path: "\(name).onnx"))
        return try Fixtures.load(bytes: [UInt8](data))
    }

    @Test("every fixture is tested")
    func fixtures() throws {
        let files = try FileManager.default.contentsOfDirectory(atPath: Self.folder.path)
        #expect(files.sorted() == Self.names.map { "\($0).onnx" })
    }

    @Test("their rows are independent, and no place of a row changes its bits", arguments: names)
    func proved(name: String) throws {
        let analysis = try Self.load(name).rowAnalysis
        #expect(analysis.independence == .proved)
        // LinearClassifier sums in another order for a single row.
        if case .dependsOnPlace(let reason) = analysis.precision, name != "sklearn_logistic" {
            Issue.record("\(reason)")
        }
        #expect(analysis.randomNode == nil)
    }

    @Test("each row in company gives what it gives alone", arguments: names)
    func company(name: String) throws {
        let model = try Self.load(name)
        var random = SplitMix(seed: 7)
        let rows = (0..<9).map { _ in model.signature.inputs.map { random.row(of: $0) } }
        let alone = try rows.map {
            try model.run(Self.tensors([$0], model), outputs: [], stop: nil)
        }
        let together = try model.run(Self.tensors(rows, model), outputs: [], stop: nil)
        for (output, tensor) in together.enumerated() {
            #expect(tensor.shape.first == Int64(rows.count))
            let whole = Self.values(tensor)
            let length = whole.count / rows.count
            for row in rows.indices {
                let part = Array(whole[row * length..<(row + 1) * length])
                // LinearClassifier sums in another order for a single row.
                let tolerance = name == "sklearn_logistic" ? 1e-5 : 0
                let expected = Self.values(alone[row][output])
                #expect(zip(part, expected).allSatisfy { abs($0 - $1) <= tolerance })
                #expect(part.count == expected.count)
            }
        }
    }

    @Test("the bundled sentiment models are proved", arguments: ["v1", "v2"])
    func sentiment(version: String) throws {
        let path = "Registry/models/sentiment/\(version)/model.onnx"
        let model = [UInt8](try Data(contentsOf: Fixtures.root.appending(path: path)))
        let analysis = model.withBytes { GraphAnalysis.rows(of: $0) }
        #expect(analysis.independence == .proved)
        if case .dependsOnPlace(let reason) = analysis.precision { Issue.record("\(reason)") }
    }

    /// The inputs of a run on these rows.
    private static func tensors(
        _ rows: [[[UInt8]]],
        _ model: any InferenceModel
    ) -> [InputTensor] {
        model.signature.inputs.enumerated().map { index, spec in
            InputTensor(
                name: spec.name,
                type: spec.type,
                shape: [Int64(rows.count)] + SplitMix.sizes(of: spec).dropFirst(),
                bytes: rows.flatMap { $0[index] }
            )
        }
    }

    /// Numbers of either type that the fixtures give.
    private static func values(_ tensor: OutputTensor) -> [Double] {
        tensor.withBytes { bytes -> [Double] in
            let count = bytes.byteCount / (tensor.type.byteCount ?? 1)
            return (0..<count).map { index in
                tensor.type == .int64
                    ? Double(bytes.unsafeLoad(fromByteOffset: index * 8, as: Int64.self))
                    : Double(bytes.unsafeLoad(fromByteOffset: index * 4, as: Float.self))
            }
        }
    }
}

/// Random rows, the same in each run.
struct SplitMix {
    private var state: UInt64
    private static let words = ["good", "bad", "a", "not so good at all", "", "very bad", "b", "c"]

    init(seed: UInt64) { state = seed }

    /// The shape of one row, with 5 for each free size.
    static func sizes(of spec: TensorSpec) -> [Int64] {
        [1] + spec.shape.dropFirst().map { $0 < 0 ? 5 : $0 }
    }

    /// The elements of one row.
    mutating func row(of spec: TensorSpec) -> [UInt8] {
        let count = Self.sizes(of: spec).reduce(1, *)
        return (0..<count).flatMap { _ in element(of: spec.type) }
    }

    private mutating func element(of type: ElementType) -> [UInt8] {
        let number = next()
        switch type {
        case .int64: return bytes([Int64(number % 10)])
        case .bytes: return encoded([Array(Self.words[Int(number % 8)].utf8)])
        default: return bytes([Float(number % 2_001) / 500 - 2])
        }
    }

    private mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
