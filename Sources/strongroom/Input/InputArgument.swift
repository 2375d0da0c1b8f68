internal import Engine
internal import JSON
internal import NIOCore
internal import Server
internal import StrongroomClient
internal import Text
internal import Wire

/// One `--input NAME=VALUE`. The type comes from the model, the shape from the value's nesting.
struct InputArgument {
    let name: ExactString
    private let source: Source

    private enum Source {
        case text(String)
        case file(String)
    }

    /// - Throws: ``UsageError`` without a name or a value.
    init(_ argument: String) throws {
        guard let equals = argument.firstIndex(of: "="), equals != argument.startIndex else {
            throw UsageError("--input \(quoted(argument)): expected NAME=VALUE")
        }
        name = ExactString(argument[..<equals])
        let value = argument[argument.index(after: equals)...]
        if value.hasPrefix("@@") {
            source = .text(String(value.dropFirst()))
        } else if value.hasPrefix("@") {
            source = .file(String(value.dropFirst()))
        } else {
            source = .text(String(value))
        }
    }

    /// The tensor of type `type`.
    /// - Throws: ``UsageError`` for malformed data, ``ServerError`` for a file that is not there.
    func tensor(type: ElementType) throws -> V1.Tensor {
        let content: TensorJSON.Content
        switch source {
        case .text(let text): content = try parse(text, type: type, isFile: false)
        case .file(let path):
            let bytes = try Files.read(path)
            if path.hasSuffix(".npy") {
                do {
                    content = try NPYFile.read(bytes, as: type)
                } catch {
                    throw UsageError("--input \(name): \(path): \(error.description)")
                }
            } else {
                content = try parse(
                    String(decoding: bytes, as: UTF8.self),
                    type: type,
                    isFile: true
                )
            }
        }
        return V1.Tensor(
            name: name,
            dataType: V1.DataType(rawValue: type.rawValue),
            shape: content.shape,
            data: ByteBuffer(bytes: content.bytes)
        )
    }

    private func parse(
        _ text: String,
        type: ElementType,
        isFile: Bool
    ) throws -> TensorJSON.Content {
        let value: JSONValue
        do {
            value = try JSONValue(parsing: text)
        } catch {
            guard type == .bytes, !isFile else {
                throw UsageError("--input \(name): \(error)")
            }
            value = .array([.string(text)])
        }
        do {
            return try TensorJSON.decode(value, type: type)
        } catch {
            throw UsageError(
                "--input \(name): \(error)",
                hint: type == .bytes ? "text that is JSON too goes in quotes: '[\"12\"]'" : nil
            )
        }
    }
}
