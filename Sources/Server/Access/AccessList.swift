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

    /// The highest priority that a principal's requests to a model may have: that of all its grants
    /// there which let it predict.
    func maxPriority(of principal: String, model: String) -> Int {
        var highest = 0
        for grant in grants(of: principal)
        where grant.maxPriority > highest && RoleSet.predicting.contains(RoleSet(grant.role))
            && grant.models.matches(model)
        {
            highest = grant.maxPriority
        }
        return highest
    }

    /// Adds a grant.
    ///
    /// - Parameter maxPriority: nil: that of the same role on the same models stays, or is 0.
    mutating func add(_ grant: Grant, maxPriority: Int?) {
        let present = grants.indices.filter {
            grants[$0].principal == grant.principal && grants[$0].role == grant.role
                && grants[$0].models == grant.models
        }
        guard !present.isEmpty else {
            var grant = grant
            grant.maxPriority = maxPriority ?? 0
            return grants.append(grant)
        }
        guard let maxPriority else { return }
        // The file may have the same grant twice, of which the higher number counts.
        for index in present { grants[index].maxPriority = maxPriority }
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
        let known: [ExactString] = ["principal", "role", "models", "max_priority"]
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
        return Grant(
            principal: principal,
            role: role,
            models: try models(value["models"], place: place),
            maxPriority: try maxPriority(value["max_priority"], place: place)
        )
    }

    private static func models(
        _ value: JSONValue?,
        place: String
    ) throws(ServerError) -> ModelPattern {
        guard let value else { return .any }
        guard case .string(let pattern) = value, pattern.utf8.count <= ModelPattern.maxBytes else {
            throw ServerError(
                "\(place): 'models' must be a pattern of at most \(ModelPattern.maxBytes) bytes"
            )
        }
        return ModelPattern(pattern)
    }

    private static func maxPriority(
        _ value: JSONValue?,
        place: String
    ) throws(ServerError) -> Int {
        guard let value else { return 0 }
        let range = Grant.maxPriorities
        guard case .number(let text) = value, let number = Int(text), range.contains(number) else {
            let shown = if case .number(let text) = value { quoted(text) } else { value.kind }
            throw ServerError(
                "\(place): 'max_priority' is \(shown), expected a whole number from "
                    + "\(range.lowerBound) to \(range.upperBound)"
            )
        }
        return number
    }

    private static func shown(_ value: JSONValue?) -> String {
        guard let value else { return "missing" }
        guard case .string(let text) = value else { return "not a string" }
        return quoted(text)
    }

    /// The text of `access.json`, a grant a line.
    package var json: String {
        let lines = grants.map { grant in
            var members = [
                JSONValue.Member(name: "principal", value: .string(grant.principal)),
                JSONValue.Member(name: "role", value: .string(grant.role.rawValue)),
                JSONValue.Member(name: "models", value: .string(grant.models.text)),
            ]
            if grant.maxPriority > 0 {
                members.append(
                    JSONValue.Member(
                        name: "max_priority",
                        value: .number("\(grant.maxPriority)")
                    )
                )
            }
            return "  " + JSONValue.object(members).text
        }
        return "{\"grants\": [\n" + lines.joined(separator: ",\n") + "\n]}\n"
    }
}
