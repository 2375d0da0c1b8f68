/// The result of the validation of a version.
package enum ValidationVerdict: Sendable, Equatable {
    /// It loads, runs, and answers its golden requests as it must.
    case passed
    /// It does not, and why.
    case failed(reason: String)
}

/// The effect of a validation's verdict on the registry.
package enum ValidationEffect: Sendable, Equatable {
    /// The version may serve.
    case stored
    /// The version may not, and why.
    case rejected(reason: String)
    /// The version failed, and was left STORED since these aliases point to it.
    case kept(reason: String, aliases: [String])
}

extension Registry {
    /// Records the verdict of a validation.
    ///
    /// A REJECTED version that passed becomes STORED; one that failed again keeps its newest
    /// reason. A STORED version that failed becomes REJECTED, unless an alias answers with it or
    /// is to: callers depend on that one, and it serves as well as before.
    ///
    /// - Parameter principal: Who asked for the validation.
    /// - Throws: `notFound`, for a deleted version too.
    package func settleValidation(
        model: String,
        version: UInt64,
        verdict: ValidationVerdict,
        principal: String
    ) throws -> ValidationEffect {
        try change { change in
            let info = try change.version(model: model, version: version)?.info
            guard let info, info.state != .deleted else {
                throw Registry.noVersion(model, version)
            }
            switch verdict {
            case .passed:
                if info.state == .rejected { try change.validate(info, principal: principal) }
                return .stored
            case .failed(let reason):
                let reason = Reason.cut(reason)
                if info.state == .stored, !info.aliases.isEmpty {
                    return .kept(reason: reason, aliases: info.aliases)
                }
                if info.state == .stored || info.reason != reason {
                    try change.reject(info, reason: reason, principal: principal)
                }
                return .rejected(reason: reason)
            }
        }
    }
}

extension Change {
    /// Marks a version as unable to serve.
    mutating func reject(_ info: VersionInfo, reason: String, principal: String) throws {
        try transaction.setState(
            model: info.model,
            version: info.version,
            state: .rejected,
            reason: reason
        )
        try log(
            AuditAction.versionReject,
            principal: principal,
            model: info.model,
            version: info.version,
            detail: reason
        )
    }

    /// Marks a rejected version as able to serve.
    fileprivate mutating func validate(_ info: VersionInfo, principal: String) throws {
        try transaction.setState(
            model: info.model,
            version: info.version,
            state: .stored,
            reason: ""
        )
        try log(
            AuditAction.versionValidate,
            principal: principal,
            model: info.model,
            version: info.version
        )
    }
}
