internal import ArgumentParser
internal import Engine
internal import JSON
internal import NIOCore
internal import StrongroomClient
internal import Text
internal import Wire

struct Predict: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Ask a model.")

    @Argument(help: "The model's name.")
    var model: String

    @Option(help: "The version that answers (default: the alias's).")
    var version: UInt64?

    @Option(help: "The alias that answers (default: live).")
    var alias: String?

    @OptionGroup var inputs: InputOptions
    @OptionGroup var server: ServerOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        guard version == nil || alias == nil else {
            throw UsageError("--version and --alias exclude each other")
        }
        try inputs.check()
        let selector: VersionSelector = version.map { .version($0) } ?? .alias(alias ?? "live")
        let spec = V1.ModelSpec(name: model, selector: selector.message)
        let response: V1.PredictResponse = try await server.withClient { client in
            let described = try await client.describe(spec)
            return try await client.predict(
                V1.PredictRequest(model: spec, inputs: try inputs.tensors(of: described))
            )
        }
        let outputs = try response.outputs.map(Output.init)
        output.write(json(response, outputs)) { text(response, outputs) }
    }

    /// One output, its elements read.
    private struct Output {
        let name: String
        let type: String
        let shape: [Int64]
        let elements: [JSONValue]

        init(_ tensor: V1.Tensor) throws {
            guard let type = ElementType(rawValue: tensor.dataType.rawValue) else {
                throw StrongroomError(
                    code: "INTERNAL",
                    message: "output \(quoted(tensor.name)) has the unknown data type "
                        + "\(tensor.dataType.rawValue)"
                )
            }
            name = tensor.name.text
            self.type = type.name
            shape = tensor.shape
            elements = try TensorJSON.elements(
                of: Array(tensor.data.readableBytesView),
                type: type
            )
        }
    }

    private func json(_ response: V1.PredictResponse, _ outputs: [Output]) -> JSONValue {
        .object([
            "model_name": .string(response.modelName),
            "model_version": .number(response.modelVersion),
            "request_id": .string(response.requestID),
            "timing": (response.timing ?? V1.Timing()).json,
            "usage": (response.usage ?? V1.Usage()).json,
            "outputs": .array(
                outputs.map { output in
                    .object([
                        "name": .string(output.name), "datatype": .string(output.type),
                        "shape": .array(output.shape.map { .number($0) }),
                        "data": .array(output.elements),
                    ])
                }
            ),
        ])
    }

    /// Outputs of one row count side by side, a row a line; others one after the other.
    private func text(_ response: V1.PredictResponse, _ outputs: [Output]) -> String {
        let head = "\(response.modelName) version \(response.modelVersion)"
        let rows = outputs.first?.shape.first ?? 1
        guard rows > 0, outputs.allSatisfy({ ($0.shape.first ?? 1) == rows }) else {
            let lines = outputs.map { output in
                let values = output.elements.map(cell).joined(separator: " ")
                return "\(output.name) \(output.type) \(output.shape): "
                    + (values.isEmpty ? "no elements" : values)
            }
            return ([head] + lines.map(\.escaped)).joined(separator: "\n")
        }
        var table = Table(["row"] + outputs.map(\.name))
        for row in 0..<Int(rows) {
            let cells = outputs.map { output in
                let width = output.elements.count / Int(rows)
                return output.elements[row * width..<(row + 1) * width].map(cell)
                    .joined(separator: " ")
            }
            table.add([String(row)] + cells)
        }
        return head + "\n" + table.text
    }

    private func cell(_ value: JSONValue) -> String {
        if case .string(let text) = value { return text }
        return value.text
    }
}
