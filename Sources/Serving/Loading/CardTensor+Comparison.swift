internal import Engine
internal import Registry
internal import Text

extension CardTensor {
    /// How a card's inputs or outputs differ from the model's; nil if they do not. A card may leave
    /// out optional inputs.
    static func difference(
        _ declared: [CardTensor],
        _ specs: [TensorSpec],
        kind: String
    ) -> String? {
        var left = Dictionary(
            specs.map { ($0.name, $0) },
            uniquingKeysWith: { first, _ in first }
        )
        for tensor in declared {
            guard let spec = left.removeValue(forKey: tensor.name) else {
                return "the model has no \(kind) \(quoted(tensor.name)), which the card names"
            }
            guard tensor.fits(spec) else {
                return "\(kind) \(quoted(tensor.name)) is \(spec.text) in the model and "
                    + "\(tensor.text) in the card"
            }
        }
        guard
            let missing = specs.first(where: {
                !$0.isOptional && left[$0.name] != nil
            })
        else { return nil }
        return "the card lacks \(kind) \(quoted(missing.name)) of the model: \(missing.text)"
    }

    /// Whether what the card declares is what the model says. A card need not say that an input is
    /// optional.
    private func fits(_ spec: TensorSpec) -> Bool {
        guard datatype == spec.type.name, isOptional ?? spec.isOptional == spec.isOptional else {
            return false
        }
        guard spec.hasUnknownRank else { return shape == spec.shape }
        // An empty shape is how outputs without one were declared before there was a word for it.
        return shape == nil || shape == []
    }

    /// The card's declaration, for messages.
    private var text: String {
        Self.text(datatype, shape, isOptional: isOptional == true)
    }

    fileprivate static func text(
        _ datatype: String,
        _ shape: [Int64]?,
        isOptional: Bool
    ) -> String {
        "\(datatype) \(shape.map { "\($0)" } ?? "of any shape")" + (isOptional ? ", optional" : "")
    }
}

extension TensorSpec {
    /// The model's description, for messages.
    fileprivate var text: String {
        CardTensor.text(type.name, hasUnknownRank ? nil : shape, isOptional: isOptional)
    }
}
