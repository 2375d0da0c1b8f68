package import Text

/// One tensor of an answer, in the encoding of an input (see ``ElementType``).
///
/// It owns what its bytes lie in, memory of the runtime for example, and lends them without a
/// copy. It stays good after its model is let go.
package final class OutputTensor: TensorBytes {
    /// The output of the model that it comes from.
    package let name: ExactString
    /// The type of its elements.
    package let type: ElementType
    /// Its dimensions, the slowest first; empty for a scalar.
    package let shape: [Int64]
    /// How many bytes its elements take.
    package let byteCount: Int

    private let storage: any TensorBytes

    /// Makes a tensor.
    ///
    /// - Parameters:
    ///   - name: The output's name.
    ///   - type: The type of the elements.
    ///   - shape: The dimensions.
    ///   - bytes: The elements, as many as `shape` says.
    package init(name: ExactString, type: ElementType, shape: [Int64], bytes: any TensorBytes) {
        self.name = name
        self.type = type
        self.shape = shape
        self.storage = bytes
        self.byteCount = bytes.byteCount
    }

    package func withBytes<Result>(_ body: (RawSpan) throws -> Result) rethrows -> Result {
        try storage.withBytes(body)
    }
}
