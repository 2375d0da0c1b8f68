internal import RPC
internal import Serving
internal import Wire

/// Who may call a method; `Request` says which model is meant. A method cannot be made without.
enum AccessRule<Request: Sendable>: Sendable {
    /// Everybody, without a certificate too.
    case anyone
    /// Whoever has one of the roles on the request's model.
    case model(Set<Role>, @Sendable (Request) -> String)
    /// Whoever has one of the roles on the model of the request's upload, which is the caller's own.
    case upload(@Sendable (Request) -> String)
    /// Whoever has one of the roles on any model: the answer shows only what the caller may see.
    case anyModel(Set<Role>)
    /// Whoever has one of the roles on all models: what concerns the registry as a whole.
    case allModels(Set<Role>)
}

/// The caller of a method, as far as services care.
struct Caller: Sendable {
    let principal: Principal
    private let list: AccessList

    init(principal: Principal, list: AccessList) {
        self.principal = principal
        self.list = list
    }

    var name: String { principal.text }

    /// Whether the caller has one of `roles` on `model`; an admin has every role.
    func has(_ roles: Set<Role>, on model: String) -> Bool {
        let granted = list.roles(of: name, model: model)
        return granted.contains(.admin) || !granted.isDisjoint(with: roles)
    }

    /// Whether the caller has any grant on `model`.
    func knows(_ model: String) -> Bool {
        !list.roles(of: name, model: model).isEmpty
    }

    /// Whether a role is granted on all models: what concerns no model is shown to nobody else.
    func hasOnAll(_ roles: Set<Role>) -> Bool {
        list.grants.contains { grant in
            grant.principal == name && grant.models == .any
                && (grant.role == .admin || roles.contains(grant.role))
        }
    }

    private func hasAny(_ roles: Set<Role>) -> Bool {
        list.grants.contains { grant in
            grant.principal == name && (grant.role == .admin || roles.contains(grant.role))
        }
    }

    /// The one place where a call is let through or refused.
    /// - Throws: `unauthenticated` without a certificate; for a model on which there is no grant,
    ///   the same answer as for one that does not exist; `permissionDenied` without the role.
    func authorize(
        _ roles: Set<Role>,
        on model: String,
        method: String
    ) throws(Status) {
        try requireCertificate()
        guard knows(model) else { throw Status(ServingError.unknownModel(model)) }
        guard has(roles, on: model) else {
            throw denied(roles, method: method, place: " on model '\(model)'")
        }
    }

    /// As ``authorize(_:on:method:)`` for a method that concerns no single model.
    func authorizeAnywhere(_ roles: Set<Role>, method: String) throws(Status) {
        try requireCertificate()
        guard hasAny(roles) else { throw denied(roles, method: method, place: "") }
    }

    /// As ``authorize(_:on:method:)`` for a method that concerns the registry as a whole.
    func authorizeEverywhere(_ roles: Set<Role>, method: String) throws(Status) {
        try requireCertificate()
        guard hasOnAll(roles) else { throw denied(roles, method: method, place: " on all models") }
    }

    private func requireCertificate() throws(Status) {
        guard principal != .anonymous else {
            throw .certificateNeeded
        }
    }

    private func denied(_ roles: Set<Role>, method: String, place: String) -> Status {
        let needed = roles.union([.admin]).map(\.rawValue).sorted().joined(separator: " or ")
        return Status(.permissionDenied, "\(method) needs the role \(needed)\(place)")
    }
}
