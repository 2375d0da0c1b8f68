internal import Engine
internal import JSON
internal import NIOCore
internal import Server
internal import StrongroomClient
internal import Text
internal import Wire

/// One input of a request with its value. The type comes from the model, the shape from the
/// nesting of the value.
struct InputArgument {
    /// The model's input.
    let spec: V1.TensorSpec
    /// The option and name that errors name.
    private let place: String
    private let source: Source

    private enum Source {
        case text(String)
        case file(String)
        case value(JSONValue)
    }

    /// Reads `NAME=VALUE`. The name is the longest of those that the text begins with, `=` after
    /// it: names may hold `=` too.
    /// - Throws: ``UsageError`` that lists the names if there is none.
    init(_ argument: String, of inputs: [V1.TensorSpec]) throws {
        let text = ExactString(argument)
        let matches = inputs.filter { text.hasPrefix("\($0.name)=") }
        guard let spec = matches.max(by: { $0.name.utf8.count < $1.name.utf8.count }),
            let value = text.dropping(prefix: "\(spec.name)=")
        else {
            throw UsageError(
                "--input \(quoted(argument)) begins with the name of no input, expected one of: "
                    + Self.list(inputs)
            )
        }
        self.spec = spec
        place = "--input \(quoted(spec.name))"
        if let text = value.dropping(prefix: "@@") {
            source = .text("@" + text.text)
        } else if let path = value.dropping(prefix: "@") {
            source = .file(path.text)
        } else {
            source = .text(value.text)
        }
    }

    /// Takes a member of a JSON object.
    /// - Throws: ``UsageError`` that lists the names if the model has no such input.
    init(_ member: JSONValue.Member, of inputs: [V1.TensorSpec], place: String) throws {
        guard let spec = inputs.first(where: { $0.name == member.name }) else {
            throw UsageError(
                "--inputs \(quoted(place)): unknown input \(quoted(member.name)), expected one of: "
                    + Self.list(inputs)
            )
        }
        self.spec = spec
        self.place = "--inputs \(quoted(place)): \(quoted(member.name))"
        source = .value(member.value)
    }

    private static func list(_ inputs: [V1.TensorSpec]) -> String {
        inputs.map { quoted($0.name) }.joined(separator: ", ")
    }

    /// The tensor.
    /// - Throws: ``UsageError`` for malformed data, ``ServerError`` for a file that is not there.
    func tensor() throws -> V1.Tensor {
        guard let type = ElementType(rawValue: spec.dataType.rawValue) else {
            throw UsageError("\(place): its data type \(spec.dataType.rawValue) is unknown here")
        }
        let content = try content(of: type)
        return V1.Tensor(
            name: spec.name,
            dataType: spec.dataType,
            shape: content.shape,
            data: ByteBuffer(bytes: content.bytes)
        )
    }

    private func content(of type: ElementType) throws -> TensorJSON.Content {
        switch source {
        case .value(let value): return try decode(value, type)
        case .text(let text):
            if let value = try? JSONValue(parsing: text) { return try decode(value, type) }
            guard type == .bytes else { return try decode(parsed(Array(text.utf8)), type) }
            return try decode(.array([.string(text)]), type)
        case .file(let path):
            let bytes = try Files.read(path)
            guard ExactString(path).hasSuffix(".npy") else {
                return try decode(parsed(bytes), type)
            }
            do {
                return try NPYFile.read(bytes, as: type)
            } catch {
                throw UsageError("\(place): \(path): \(error.description)")
            }
        }
    }

    private func parsed(_ bytes: [UInt8]) throws -> JSONValue {
        do {
            return try JSONValue(parsing: bytes)
        } catch {
            throw UsageError("\(place): \(error)")
        }
    }

    private func decode(_ value: JSONValue, _ type: ElementType) throws -> TensorJSON.Content {
        do {
            return try TensorJSON.decode(value, type: type)
        } catch {
            throw UsageError(
                "\(place): \(error)",
                hint: type == .bytes ? "text that is JSON too goes in quotes: '[\"12\"]'" : nil
            )
        }
    }
}
