@testable import Engine

/// A model that a test writes down node by node. All shapes and weights are small.
struct TestGraph {
    /// The value of a node's attribute.
    enum Value {
        case int(Int64)
        case ints([Int64])
        case real(Float)
        case reals([Float])
        case text(String)
        case texts([String])
        case tensor([UInt8])
        case graph
    }

    /// A declared dimension: "N" for a free one.
    enum Size: ExpressibleByIntegerLiteral, ExpressibleByStringLiteral {
        case number(Int64)
        case free(String)

        init(integerLiteral value: Int64) { self = .number(value) }
        init(stringLiteral value: String) { self = .free(value) }
    }

    static let float: UInt64 = 1
    static let int64: UInt64 = 7
    static let string: UInt64 = 8
    static let double: UInt64 = 11

    private var graph: [UInt8] = []
    private var other: [UInt8] = []
    private let opset: UInt64

    /// Begins a model.
    ///
    /// - Parameters:
    ///   - opset: The version of the operators.
    ///   - inputs: Its inputs of FP32.
    ///   - outputs: Its outputs.
    init(
        opset: UInt64 = 17,
        _ inputs: [String: [Size]] = ["x": ["N", 4]],
        outputs: [String] = ["y"]
    ) {
        self.opset = opset
        for (name, shape) in inputs { input(name, shape) }
        for name in outputs { graph += Proto.field(12, Proto.field(1, name)) }
    }

    mutating func input(_ name: String, _ shape: [Size]?, type: UInt64 = float) {
        let dimensions = (shape ?? []).flatMap { size in
            switch size {
            case .number(let number): Proto.field(1, Proto.number(1, UInt64(bitPattern: number)))
            case .free(let name): Proto.field(1, Proto.field(2, name))
            }
        }
        let described = shape == nil ? [] : Proto.field(2, dimensions)
        let tensor = Proto.field(1, Proto.number(1, type) + described)
        graph += Proto.field(11, Proto.field(1, name) + Proto.field(2, tensor))
    }

    /// A constant of INT64: a list, or a single number without dimensions.
    mutating func ints(_ name: String, _ values: [Int64], isScalar: Bool = false) {
        graph += Proto.field(5, Self.tensor(name, values, shape: isScalar ? [] : [values.count]))
    }

    /// A constant of unknown values.
    mutating func weight(_ name: String, _ shape: [Int], type: UInt64 = float) {
        let dimensions = shape.flatMap { Proto.number(1, UInt64($0)) }
        graph += Proto.field(5, dimensions + Proto.number(2, type) + Proto.field(8, name))
    }

    /// A constant of FP32.
    mutating func reals(_ name: String, _ values: [Float]) {
        let bytes = values.flatMap { value in
            (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> ($0 * 8)) }
        }
        graph += Proto.field(
            5,
            Proto.number(1, UInt64(values.count)) + Proto.number(2, Self.float)
                + Proto.field(8, name) + Proto.field(9, bytes)
        )
    }

    mutating func node(
        _ type: String,
        _ inputs: [String] = ["x"],
        _ outputs: [String] = ["y"],
        name: String = "",
        domain: String = "",
        _ attributes: [String: Value] = [:]
    ) {
        var bytes = inputs.flatMap { Proto.field(1, $0) } + outputs.flatMap { Proto.field(2, $0) }
        bytes += Proto.field(3, name) + Proto.field(4, type) + Proto.field(7, domain)
        for (key, value) in attributes { bytes += Proto.field(5, Self.attribute(key, value)) }
        graph += Proto.field(1, bytes)
    }

    /// Other fields of the graph, as they are.
    mutating func raw(_ bytes: [UInt8]) { graph += bytes }

    /// Other fields of the model, as they are.
    mutating func rawModel(_ bytes: [UInt8]) { other += bytes }

    var bytes: [UInt8] {
        let sets = [("", opset), ("ai.onnx.ml", 3), ("com.microsoft", 1)].flatMap {
            domain,
            version in
            Proto.field(8, Proto.field(1, domain) + Proto.number(2, version))
        }
        return Proto.number(1, 8) + other + Proto.field(7, graph) + sets
    }

    var analysis: RowAnalysis { bytes.withBytes { GraphAnalysis.rows(of: $0) } }

    static func tensor(_ name: String, _ values: [Int64], shape: [Int]) -> [UInt8] {
        shape.flatMap { Proto.number(1, UInt64($0)) } + Proto.number(2, int64)
            + values.flatMap { Proto.number(7, UInt64(bitPattern: $0)) } + Proto.field(8, name)
    }

    private static func attribute(_ key: String, _ value: Value) -> [UInt8] {
        let content: [UInt8] =
            switch value {
            case .int(let value): Proto.number(3, UInt64(bitPattern: value))
            case .ints(let values):
                values.flatMap { Proto.number(8, UInt64(bitPattern: $0)) }
            case .real(let value):
                [2 << 3 | 5]
                    + (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> ($0 * 8)) }
            case .reals(let values):
                values.flatMap { value in
                    [7 << 3 | 5]
                        + (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> ($0 * 8)) }
                }
            case .text(let text): Proto.field(4, text)
            case .texts(let texts): texts.flatMap { Proto.field(9, $0) }
            case .tensor(let tensor): Proto.field(5, tensor)
            case .graph: Proto.field(6, [])
            }
        return Proto.field(1, key) + content
    }
}

extension RowAnalysis {
    var isProved: Bool { independence == .proved }

    /// The reason why rows are not proved to be independent; empty if they are.
    var reason: String {
        switch independence {
        case .proved: ""
        case .rowCountOnly(let reason), .unproved(let reason): reason
        }
    }

    var provesRowCount: Bool {
        if case .unproved = independence { false } else { true }
    }
}
