internal import RPC
internal import Serving
internal import Text
internal import Wire

/// Who may call a method; `Request` says which model is meant. A method cannot be made without.
enum AccessRule<Request: Sendable>: Sendable {
    /// Everybody, without a certificate too.
    case anyone
    /// Whoever has one of the roles on the request's model.
    case model(RoleSet, @Sendable (Request) -> String)
    /// Whoever has one of the roles on the model of the request's upload, which is the caller's own.
    case upload(@Sendable (Request) -> String)
    /// Whoever has one of the roles on any model: the answer shows only what the caller may see.
    case anyModel(RoleSet)
    /// Whoever has one of the roles on all models: what concerns the registry as a whole.
    case allModels(RoleSet)
}

/// The caller of a method, as far as services care.
struct Caller: Sendable {
    let principal: Principal
    /// As grants and the audit log write it.
    let name: String
    private let list: AccessList

    init(principal: Principal, list: AccessList) {
        self.principal = principal
        name = principal.text
        self.list = list
    }

    /// Whether the caller has one of `roles` on `model`; an admin has every role.
    func has(_ roles: RoleSet, on model: String) -> Bool {
        !list.roles(of: name, model: model).isDisjoint(with: roles.union(.admin))
    }

    /// Whether the caller has any grant on `model`.
    func knows(_ model: String) -> Bool {
        !list.roles(of: name, model: model).isEmpty
    }

    /// The highest priority that the caller's requests to `model` may have.
    func maxPriority(on model: String) -> Int {
        list.maxPriority(of: name, model: model)
    }

    /// Whether a role is granted on all models: what concerns no model is shown to nobody else.
    func hasOnAll(_ roles: RoleSet) -> Bool {
        let wanted = roles.union(.admin)
        return list.grants(of: name).contains { grant in
            grant.models == .any && wanted.contains(RoleSet(grant.role))
        }
    }

    private func hasAny(_ roles: RoleSet) -> Bool {
        let wanted = roles.union(.admin)
        return list.grants(of: name).contains { wanted.contains(RoleSet($0.role)) }
    }

    /// The one place where a call is let through or refused.
    /// - Throws: `unauthenticated` without a certificate; for a model on which there is no grant,
    ///   the same answer as for one that does not exist; `permissionDenied` without the role.
    func authorize(
        _ roles: RoleSet,
        on model: String,
        method: String
    ) throws(Status) {
        try requireCertificate()
        let granted = list.roles(of: name, model: model)
        guard !granted.isEmpty else { throw Status(ServingError.unknownModel(model)) }
        guard !granted.isDisjoint(with: roles.union(.admin)) else {
            throw denied(roles, method: method, place: " on model \(quoted(model))")
        }
    }

    /// As ``authorize(_:on:method:)`` for a method that concerns no single model.
    func authorizeAnywhere(_ roles: RoleSet, method: String) throws(Status) {
        try requireCertificate()
        guard hasAny(roles) else { throw denied(roles, method: method, place: "") }
    }

    /// As ``authorize(_:on:method:)`` for a method that concerns the registry as a whole.
    func authorizeEverywhere(_ roles: RoleSet, method: String) throws(Status) {
        try requireCertificate()
        guard hasOnAll(roles) else { throw denied(roles, method: method, place: " on all models") }
    }

    private func requireCertificate() throws(Status) {
        guard principal != .anonymous else {
            throw .certificateNeeded
        }
    }

    private func denied(_ roles: RoleSet, method: String, place: String) -> Status {
        let needed = roles.union(.admin).names.joined(separator: " or ")
        return Status(
            .permissionDenied,
            "\(method) needs the role \(needed)\(place), which \(name.escaped) does not have"
        )
    }
}
