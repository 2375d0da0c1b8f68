internal import ArgumentParser
internal import JSON
internal import Server
internal import Text
internal import Wire

/// The inputs of a request, named with their values.
struct InputOptions: ParsableArguments {
    @Option(
        name: .customLong("input"),
        help: ArgumentHelp(
            """
            One input; may be repeated. The name is the longest of the model's that fits. The \
            value is JSON, text, @file.json or @file.npy.
            """,
            valueName: "name=value"
        )
    )
    var single: [String] = []

    @Option(
        name: .customLong("inputs"),
        help: ArgumentHelp(
            "Several inputs: a JSON file of {\"name\": value, ...}.",
            valueName: "@file.json"
        )
    )
    var file: String?

    /// Whether no input is given.
    var isEmpty: Bool { single.isEmpty && file == nil }

    /// Checks what needs no server.
    func check() throws {
        for text in single where !text.utf8.contains(UInt8(ascii: "=")) {
            throw UsageError("--input \(quoted(text)): expected NAME=VALUE")
        }
        guard file?.utf8.first == UInt8(ascii: "@") || file == nil else {
            throw UsageError("--inputs \(quoted(file ?? "")): expected @FILE.json")
        }
    }

    /// The given inputs as tensors of a model, in the order in which they were given.
    /// - Throws: ``UsageError`` for a name that the model lacks or that is given twice, or a
    ///   malformed value.
    func tensors(of model: V1.GetModelResponse) throws -> [V1.Tensor] {
        var arguments = try single.map { try InputArgument($0, of: model.inputs) }
        if let file {
            let path = String(file.dropFirst())
            for member in try Self.members(ofFile: path) {
                arguments.append(try InputArgument(member, of: model.inputs, place: path))
            }
        }
        var names: Set<ExactString> = []
        for argument in arguments where !names.insert(argument.spec.name).inserted {
            throw UsageError("input \(quoted(argument.spec.name)) is given twice")
        }
        return try arguments.map { try $0.tensor() }
    }

    private static func members(ofFile path: String) throws -> [JSONValue.Member] {
        let document: JSONValue
        do {
            document = try JSONValue(parsing: try Files.read(path))
        } catch let error as JSONError {
            throw UsageError("--inputs \(quoted(path)): \(error)")
        }
        guard case .object(let members) = document else {
            throw UsageError(
                "--inputs \(quoted(path)): \(document.kind), expected an object of names and values"
            )
        }
        return members
    }
}
