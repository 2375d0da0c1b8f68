internal import Engine
internal import JSON
internal import Text

/// A request whose answer is known: run at every load, before any caller is served. The format is
/// that of a bundle's golden files: inputs, expected outputs, `atol`, `rtol`.
struct GoldenRequest: Sendable {
    /// Bytes of a golden file, inclusive: it is read whole and takes many times as much memory.
    static let maxBytes = 16 << 20

    /// The file's path in the bundle, for messages.
    let path: String
    let inputs: [InputTensor]
    let expected: [InputTensor]
    let atol: Double
    let rtol: Double

    /// Why a golden file is malformed, or an answer differs.
    struct Failure: Error, CustomStringConvertible {
        let description: String
        /// The engine's error if it was the run that failed.
        var cause: EngineError?
    }

    /// Reads a golden file.
    /// - Throws: ``Failure`` that names the file and what is wrong with it.
    init(path: String, json: RawSpan) throws(Failure) {
        self.path = path
        let document: JSONValue
        do {
            document = try JSONValue(parsing: ByteOrderMark.removed(from: json))
        } catch {
            throw Failure(description: "golden request \(path): \(error)")
        }
        guard case .object(let members) = document else {
            throw Failure(description: "golden request \(path): an object was expected")
        }
        let known: [ExactString] = ["inputs", "outputs", "atol", "rtol"]
        if let unknown = members.first(where: { !known.contains($0.name) }) {
            throw Failure(
                description: "golden request \(path): unknown key \(quoted(unknown.name))"
            )
        }
        inputs = try Self.tensors(document["inputs"], key: "inputs", path: path)
        expected = try Self.tensors(document["outputs"], key: "outputs", path: path)
        atol = try Self.tolerance(document["atol"], key: "atol", path: path)
        rtol = try Self.tolerance(document["rtol"], key: "rtol", path: path)
    }

    /// Runs the request.
    /// - Returns: What was answered, in the order of ``expected``.
    /// - Throws: ``Failure`` with its cause.
    func run(on model: any InferenceModel) throws(Failure) -> [OutputTensor] {
        do {
            return try model.run(inputs, outputs: expected.map(\.name), stop: nil)
        } catch {
            throw Failure(description: "golden request \(path): \(error.message)", cause: error)
        }
    }

    private static func tolerance(
        _ value: JSONValue?,
        key: String,
        path: String
    ) throws(Failure) -> Double {
        guard let value else { return 0 }
        guard case .number(let text) = value, let number = Double(text), number >= 0,
            number.isFinite
        else {
            throw Failure(
                description:
                    "golden request \(path): \(quoted(key)) is no finite number of at least 0"
            )
        }
        return number
    }

    private static func tensors(
        _ value: JSONValue?,
        key: String,
        path: String
    ) throws(Failure) -> [InputTensor] {
        guard case .array(let values)? = value, !values.isEmpty else {
            throw Failure(
                description: "golden request \(path): \(quoted(key)) is no list of tensors"
            )
        }
        var tensors: [InputTensor] = []
        for (index, value) in values.enumerated() {
            do {
                tensors.append(try tensor(value))
            } catch {
                throw Failure(description: "golden request \(path): \(key)[\(index)]: \(error)")
            }
        }
        return tensors
    }

    private static func tensor(
        _ value: JSONValue
    ) throws(TensorJSON.Failure) -> InputTensor {
        guard case .string(let name)? = value["name"] else {
            throw TensorJSON.Failure(description: "'name' is missing")
        }
        guard case .string(let typeName)? = value["datatype"],
            let type = ElementType(name: typeName)
        else { throw TensorJSON.Failure(description: "'datatype' is missing or unknown") }
        guard case .array(let dimensions)? = value["shape"] else {
            throw TensorJSON.Failure(description: "'shape' is missing")
        }
        var shape: [Int64] = []
        for dimension in dimensions {
            guard case .number(let text) = dimension, let size = Int64(text), size >= 0 else {
                throw TensorJSON.Failure(description: "'shape' holds something that is no size")
            }
            shape.append(size)
        }
        guard let data = value["data"] else {
            throw TensorJSON.Failure(description: "'data' is missing")
        }
        // A flat list also stands for a scalar, whose shape is [].
        let content = try TensorJSON.decode(data, type: type, shape: shape)
        return InputTensor(
            name: ExactString(name),
            type: type,
            shape: content.shape,
            bytes: content.bytes
        )
    }
}
