/// One thing that a verification has to say.
package struct Finding: Sendable, Hashable {
    /// How much it matters.
    package enum Kind: String, Sendable {
        /// Something is not as it must be: the registry is damaged, or was altered.
        case fault
        /// Something is left over or was not checked; nothing is lost by it.
        case note
        /// Something that a repair did.
        case repair
    }

    /// How much it matters.
    package let kind: Kind
    /// Which part of the registry, as `model 'm', version 2, file 'model.onnx'`.
    package let object: String
    /// The field of it that is wrong, or the smallest field that covers what is wrong.
    package let field: String
    /// What was found, and what was expected.
    package let problem: String

    /// Says something.
    package init(kind: Kind, object: String, field: String, problem: String) {
        self.kind = kind
        self.object = object
        self.field = field
        self.problem = problem
    }
}

extension Finding: CustomStringConvertible {
    /// One line.
    package var description: String {
        let place = field.isEmpty ? object : "\(object): \(field)"
        return "\(place): \(problem)"
    }
}
