package import Text

/// One tensor of a request.
package struct InputTensor: Sendable {
    /// The input of the model that it is for.
    package let name: ExactString
    /// The type of its elements.
    package let type: ElementType
    /// Its dimensions, the slowest first; empty for a scalar.
    package let shape: [Int64]
    /// Its elements, encoded as ``ElementType`` says.
    package let bytes: any TensorBytes

    /// Makes a tensor. Nothing is checked here: see ``ModelSignature/check(_:)``.
    package init(name: ExactString, type: ElementType, shape: [Int64], bytes: any TensorBytes) {
        self.name = name
        self.type = type
        self.shape = shape
        self.bytes = bytes
    }
}
