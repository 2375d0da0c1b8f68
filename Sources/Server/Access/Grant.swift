internal import Serving
package import Text

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
    /// Those with which a principal calls `Predict`; an admin has every role.
    static let predicting: RoleSet = [.predictor, .publisher, .admin]
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
    /// The values of ``maxPriority``: from that of ordinary requests to the highest.
    package static let maxPriorities = 0...RequestPriority.range.upperBound

    package let principal: String
    package let role: Role
    package let models: ModelPattern
    /// The highest priority of the principal's requests to these models; without effect for a role
    /// that may not predict.
    package var maxPriority: Int

    package init(principal: String, role: Role, models: ModelPattern, maxPriority: Int = 0) {
        self.principal = principal
        self.role = role
        self.models = models
        self.maxPriority = maxPriority
    }
}
