internal import Engine
internal import JSON
internal import Text

extension GoldenRequest {
    /// Compares what a model answered with what it should.
    /// - Parameter outputs: The answers, in the order of ``expected``.
    /// - Throws: ``Failure`` that names request, output and element of the first difference.
    func check(_ outputs: [OutputTensor]) throws(Failure) {
        guard outputs.count == expected.count else {
            throw Failure(
                description: "golden request \(path): \(outputs.count) outputs, expected "
                    + "\(expected.count)"
            )
        }
        for (wanted, actual) in zip(expected, outputs) {
            do throws(TensorJSON.Failure) {
                try compare(wanted, actual)
            } catch {
                throw Failure(
                    description: "golden request \(path): output \(quoted(wanted.name))\(error)"
                )
            }
        }
    }

    /// - Throws: the rest of a sentence that begins with the output's name.
    private func compare(
        _ wanted: InputTensor,
        _ actual: OutputTensor
    ) throws(TensorJSON.Failure) {
        guard actual.type == wanted.type, actual.shape == wanted.shape else {
            throw TensorJSON.Failure(
                description: " is \(actual.type.name) \(actual.shape), expected "
                    + "\(wanted.type.name) \(wanted.shape)"
            )
        }
        let bytes = actual.copied()
        // The same bytes are the same values, a NaN too.
        let wantedBytes = wanted.bytes.copied()
        guard bytes != wantedBytes else { return }
        let found = try Self.elements(of: bytes, type: actual.type)
        let expected = try Self.elements(of: wantedBytes, type: wanted.type)
        guard found.count == expected.count else {
            throw TensorJSON.Failure(
                description: " has \(found.count) elements, expected \(expected.count)"
            )
        }
        for (index, pair) in zip(found, expected).enumerated() {
            guard agree(pair.0, pair.1, type: actual.type) else {
                throw TensorJSON.Failure(
                    description: ", element \(index): \(Self.text(pair.0, actual.type)), expected "
                        + Self.text(pair.1, actual.type)
                )
            }
        }
    }

    private static func elements(
        of bytes: [UInt8],
        type: ElementType
    ) throws(TensorJSON.Failure) -> [ArraySlice<UInt8>] {
        guard let width = type.byteCount else {
            return try TensorJSON.byteElements(of: bytes).map { $0[...] }
        }
        guard bytes.count.isMultiple(of: width) else {
            throw TensorJSON.Failure(
                description: " has \(bytes.count) bytes, no whole \(type.name)s"
            )
        }
        return stride(from: 0, to: bytes.count, by: width).map { bytes[$0..<$0 + width] }
    }

    /// |actual - expected| <= atol + rtol * |expected| for numbers, equality for the rest: strings
    /// byte for byte, and what is not finite.
    private func agree(
        _ actual: ArraySlice<UInt8>,
        _ expected: ArraySlice<UInt8>,
        type: ElementType
    ) -> Bool {
        if actual.elementsEqual(expected) { return true }
        switch (TensorNumber(actual, type: type), TensorNumber(expected, type: type)) {
        case (.integer(let actual), .integer(let expected)):
            // Exact: a Double cannot tell neighbours beyond 2^53 from each other.
            let difference = Double((actual - expected).magnitude)
            return difference <= atol + rtol * Double(expected.magnitude)
        case (.real(let actual), .real(let expected)):
            if actual.isNaN && expected.isNaN || actual == expected { return true }
            guard actual.isFinite, expected.isFinite else { return false }
            return abs(actual - expected) <= atol + rtol * abs(expected)
        default: return false
        }
    }

    private static func text(_ element: ArraySlice<UInt8>, _ type: ElementType) -> String {
        guard type == .bytes else {
            let values = try? TensorJSON.elements(of: Array(element), type: type)
            return values?.first?.text ?? "?"
        }
        guard let text = String(validating: element, as: UTF8.self) else {
            return "base64 \(Base64.encode(Array(element)))"
        }
        return JSONValue.string(text).text
    }
}
