internal import JSON
internal import Text

/// All grants: what `access.json` holds.
package struct AccessList: Sendable, Equatable {
    package var grants: [Grant] {
        didSet { byPrincipal = Dictionary(grouping: grants) { ExactString($0.principal) } }
    }
    /// The same grants, to be found by whom they are for.
    private var byPrincipal: [ExactString: [Grant]]

    package init(grants: [Grant] = []) {
        self.grants = grants
        byPrincipal = Dictionary(grouping: grants) { ExactString($0.principal) }
    }

    /// A principal's grants.
    func grants(of principal: String) -> [Grant] { byPrincipal[ExactString(principal)] ?? [] }

    /// The roles of a principal on one model.
    package func roles(of principal: String, model: String) -> RoleSet {
        var roles: RoleSet = []
        for grant in grants(of: principal) where grant.models.matches(model) {
            roles.insert(RoleSet(grant.role))
        }
        return roles
    }

    /// Reads `access.json`.
    /// - Throws: ``ServerError`` that names the entry and what is wrong with it.
    package init(json: [UInt8]) throws(ServerError) {
        let document: JSONValue
        do {
            document = try JSONValue(parsing: ByteOrderMark.removed(from: json))
        } catch {
            throw ServerError("access.json: \(error)")
        }
        guard case .object(let members) = document, members.allSatisfy({ $0.name == "grants" }),
            case .array(let values)? = document["grants"]
        else { throw ServerError("access.json: expected {\"grants\": [...]} and nothing else") }
        var grants: [Grant] = []
        for (index, value) in values.enumerated() {
            grants.append(try Self.grant(value, place: "access.json: grants[\(index)]"))
        }
        self.init(grants: grants)
    }

    private static func grant(_ value: JSONValue, place: String) throws(ServerError) -> Grant {
        guard case .object(let members) = value else {
            throw ServerError("\(place): an object was expected")
        }
        let known: [ExactString] = ["principal", "role", "models"]
        if let unknown = members.first(where: { !known.contains($0.name) }) {
            throw ServerError("\(place): unknown key \(quoted(unknown.name))")
        }
        guard case .string(let principal)? = value["principal"],
            principal.hasPrefix("cert:") || principal.hasPrefix("uid:")
        else {
            throw ServerError(
                "\(place): 'principal' is \(shown(value["principal"])), expected cert:NAME or uid:N"
            )
        }
        guard case .string(let roleName)? = value["role"], let role = Role(rawValue: roleName)
        else {
            let roles = Role.allCases.map(\.rawValue).joined(separator: ", ")
            throw ServerError(
                "\(place): 'role' is \(shown(value["role"])), expected one of \(roles)"
            )
        }
        guard let models = value["models"] else {
            return Grant(principal: principal, role: role, models: .any)
        }
        guard case .string(let pattern) = models, pattern.utf8.count <= ModelPattern.maxBytes else {
            throw ServerError(
                "\(place): 'models' must be a pattern of at most \(ModelPattern.maxBytes) bytes"
            )
        }
        return Grant(principal: principal, role: role, models: ModelPattern(pattern))
    }

    private static func shown(_ value: JSONValue?) -> String {
        guard let value else { return "missing" }
        guard case .string(let text) = value else { return "not a string" }
        return quoted(text)
    }

    /// The text of `access.json`, a grant a line.
    package var json: String {
        let lines = grants.map { grant in
            let members = [
                JSONValue.Member(name: "principal", value: .string(grant.principal)),
                JSONValue.Member(name: "role", value: .string(grant.role.rawValue)),
                JSONValue.Member(name: "models", value: .string(grant.models.text)),
            ]
            return "  " + JSONValue.object(members).text
        }
        return "{\"grants\": [\n" + lines.joined(separator: ",\n") + "\n]}\n"
    }
}
