package import Text

/// What a model says about one of its inputs or outputs.
package struct TensorSpec: Sendable, Hashable {
    /// Its name.
    package let name: ExactString
    /// The type of its elements.
    package let type: ElementType
    /// Its dimensions, the slowest first, -1 for any size; empty for a scalar. An *output* for
    /// which the model declares no shape at all is empty too.
    package let shape: [Int64]
    /// Whether the model declares no shape: any rank is accepted, and `shape` is empty.
    package let hasUnknownRank: Bool
    /// Whether the model has a default for this input, so that a request may leave it out.
    package let isOptional: Bool

    /// Makes a description.
    package init(
        name: ExactString,
        type: ElementType,
        shape: [Int64],
        hasUnknownRank: Bool = false,
        isOptional: Bool = false
    ) {
        self.name = name
        self.type = type
        self.shape = shape
        self.hasUnknownRank = hasUnknownRank
        self.isOptional = isOptional
    }

    /// Whether a text may be the name of a tensor: 1 to ``EngineLimits/maxNameBytes`` bytes without
    /// a NUL, with which a name ends in the runtime.
    package static func isName(_ text: String) -> Bool {
        (1...EngineLimits.maxNameBytes).contains(text.utf8.count) && !text.utf8.contains(0)
    }
}

/// What a model takes and what it gives, in the model's own order.
package struct ModelSignature: Sendable, Hashable {
    /// The inputs; a request must have each of them once, and may leave out optional ones.
    package let inputs: [TensorSpec]
    /// The outputs; a request may ask for some of them.
    package let outputs: [TensorSpec]

    /// Makes a signature.
    package init(inputs: [TensorSpec], outputs: [TensorSpec]) {
        self.inputs = inputs
        self.outputs = outputs
    }
}
