/// What a grant lets its principal do; the table is in docs/PROTOCOL.md.
package enum Role: String, Sendable, CaseIterable {
    case predictor
    case publisher
    case observer
    case admin
}

/// One principal's role on the models that a pattern names.
package struct Grant: Sendable, Equatable {
    package let principal: String
    package let role: Role
    package let models: ModelPattern

    package init(principal: String, role: Role, models: ModelPattern) {
        self.principal = principal
        self.role = role
        self.models = models
    }
}

/// Names of models: `*` stands for any run of characters, nothing else is special.
package struct ModelPattern: Sendable, Equatable {
    package let text: String

    package static let any = ModelPattern("*")
    /// Longer ones are refused where they are read.
    package static let maxBytes = 256

    package init(_ text: String) {
        self.text = text
    }

    /// Whether `name` matches. Greedy with one step back: linear in practice, and never
    /// worse than the product of both lengths.
    package func matches(_ name: String) -> Bool {
        let pattern = Array(text.utf8)
        let name = Array(name.utf8)
        var at = 0
        var position = 0
        var star: (pattern: Int, name: Int)?
        while position < name.count {
            if at < pattern.count, pattern[at] == UInt8(ascii: "*") {
                star = (at, position)
                at += 1
            } else if at < pattern.count, pattern[at] == name[position] {
                at += 1
                position += 1
            } else if let last = star {
                star = (last.pattern, last.name + 1)
                at = last.pattern + 1
                position = last.name + 1
            } else {
                return false
            }
        }
        return pattern[at...].allSatisfy { $0 == UInt8(ascii: "*") }
    }
}
