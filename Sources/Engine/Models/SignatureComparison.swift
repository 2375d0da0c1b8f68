internal import Text

/// The differences between two signatures that break callers of the first one, in words.
///
/// Breaking are an input that is removed, retyped, of another rank or fixed dimension, of a fixed
/// dimension where any size was taken, or not optional any more; an added input that is not
/// optional; an output that is removed, retyped, or of another rank or fixed dimension. A renamed
/// tensor is one that is removed and one that is added. Not breaking are any size in place of a
/// number and any rank in place of one in inputs, new outputs, and new optional inputs.
package struct SignatureComparison: Sendable, Equatable {
    /// The most differences that are named; the last one says how many more there are.
    package static let maxDifferences = 64

    /// The inputs' first, each in its signature's order; empty if no caller breaks.
    package let differences: [String]

    /// Compares two signatures.
    package init(from old: ModelSignature, to new: ModelSignature) {
        var found: [String] = []
        let newInputs = Self.byName(new.inputs)
        for input in old.inputs {
            Self.compare(input, with: newInputs[Self.name(input)], of: .input, into: &found)
        }
        let oldInputs = Self.byName(old.inputs)
        for input in new.inputs where !input.isOptional && oldInputs[Self.name(input)] == nil {
            found.append(
                "\(Kind.input.rawValue) \(Self.quotedName(input)), \(input.text), is added and is not "
                    + "optional"
            )
        }
        let newOutputs = Self.byName(new.outputs)
        for output in old.outputs {
            Self.compare(output, with: newOutputs[Self.name(output)], of: .output, into: &found)
        }
        differences = Self.bounded(found)
    }

    private enum Kind: String {
        case input
        case output
    }

    private static func compare(
        _ old: TensorSpec,
        with new: TensorSpec?,
        of kind: Kind,
        into found: inout [String]
    ) {
        let subject = "\(kind.rawValue) \(quotedName(old))"
        guard let new else {
            found.append("\(subject), \(old.text), is removed")
            return
        }
        let isCompatible = kind == .input ? new.takes(old) : old.takes(new)
        if new.type != old.type || !isCompatible {
            found.append("\(subject) changes from \(old.text) to \(new.text)")
        } else if kind == .input, old.isOptional, !new.isOptional {
            found.append("\(subject), \(old.text), is not optional any more")
        }
    }

    private static func byName(_ specs: [TensorSpec]) -> [ExactString: TensorSpec] {
        Dictionary(specs.map { (name($0), $0) }, uniquingKeysWith: { first, _ in first })
    }

    private static func name(_ spec: TensorSpec) -> ExactString { spec.name }
    private static func quotedName(_ spec: TensorSpec) -> String { quoted(spec.name) }

    private static func bounded(_ found: [String]) -> [String] {
        guard found.count > maxDifferences else { return found }
        let named = found.prefix(maxDifferences - 1)
        return named + ["\(found.count - named.count) more differences"]
    }
}

extension TensorSpec {
    /// Whether every shape of another tensor is one of this one's.
    fileprivate func takes(_ other: TensorSpec) -> Bool {
        if hasUnknownRank { return true }
        guard !other.hasUnknownRank, shape.count == other.shape.count else { return false }
        return zip(shape, other.shape).allSatisfy { $0 == -1 || $0 == $1 }
    }

    /// Type and shape.
    fileprivate var text: String {
        guard !hasUnknownRank else { return "\(type.name) of any shape" }
        return "\(type.name) [" + shape.map(String.init).joined(separator: ", ") + "]"
    }
}
