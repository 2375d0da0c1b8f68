internal import Text

/// What a grant lets its principal do; the table is in docs/PROTOCOL.md.
package enum Role: String, Sendable, CaseIterable {
    case predictor
    case publisher
    case observer
    case admin
}

/// Several roles.
package struct RoleSet: OptionSet, Sendable, Hashable {
    package let rawValue: UInt8

    package static let predictor = RoleSet(.predictor)
    package static let publisher = RoleSet(.publisher)
    package static let observer = RoleSet(.observer)
    package static let admin = RoleSet(.admin)
    /// All of them.
    package static let all: RoleSet = [.predictor, .publisher, .observer, .admin]

    package init(rawValue: UInt8) {
        self.rawValue = rawValue
    }

    package init(_ role: Role) {
        let bit: UInt8 =
            switch role {
            case .predictor: 0
            case .publisher: 1
            case .observer: 2
            case .admin: 3
            }
        rawValue = 1 << bit
    }

    /// What they are called, sorted.
    var names: [String] {
        Role.allCases.filter { contains(RoleSet($0)) }.map(\.rawValue).sorted()
    }
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
    /// Whether it holds a star; else it is a name.
    private let hasStar: Bool

    package static let any = ModelPattern("*")
    /// Longer ones are refused where they are read.
    package static let maxBytes = 256

    package init(_ text: String) {
        self.text = text
        hasStar = text.utf8.contains(UInt8(ascii: "*"))
    }

    /// Whether `name` matches.
    package func matches(_ name: String) -> Bool {
        guard hasStar else { return ExactString(text) == ExactString(name) }
        return text == "*" || Self.matches(Array(text.utf8), Array(name.utf8))
    }

    /// Greedy with one step back: linear in practice, and never worse than the product of both
    /// lengths.
    private static func matches(_ pattern: [UInt8], _ name: [UInt8]) -> Bool {
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
