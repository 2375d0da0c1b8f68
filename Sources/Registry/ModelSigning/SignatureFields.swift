internal import JSON
internal import Text

/// Takes the members of one JSON object of a signature one by one, and at the end insists that
/// none is left. Names are compared by their bytes, so that another reader of the same
/// signature sees the same members.
struct SignatureFields {
    private let place: String
    private var members: [JSONValue.Member]

    /// Reads `value`, which has to be an object; `place` names it in errors, and is empty for the
    /// whole document.
    init(_ value: JSONValue, place: String) throws(RegistryError) {
        guard case .object(let members) = value else {
            throw Self.refusal("\(place.isEmpty ? "the file" : "'\(place)'") is not an object")
        }
        self.place = place
        self.members = members
    }

    /// The refusal of a signature.
    static func refusal(_ problem: String) -> RegistryError {
        RegistryError(.invalidArgument, "\(BundleSignature.path): \(problem)")
    }

    /// Takes a member of any kind, if it is there.
    mutating func take(_ name: ExactString) -> JSONValue? {
        guard let index = members.firstIndex(where: { $0.name == name }) else {
            return nil
        }
        return members.remove(at: index).value
    }

    /// Takes a member of any kind.
    mutating func value(_ name: ExactString) throws(RegistryError) -> JSONValue {
        guard let value = take(name) else {
            throw Self.refusal("'\(path(name))' is missing")
        }
        return value
    }

    /// Takes an object.
    mutating func object(_ name: ExactString) throws(RegistryError) -> SignatureFields {
        try SignatureFields(try value(name), place: path(name))
    }

    /// Takes a list of at most `limit`.
    mutating func list(_ name: ExactString, limit: Int) throws(RegistryError) -> [JSONValue] {
        guard case .array(let values) = try value(name) else {
            throw Self.refusal("'\(path(name))' is not a list")
        }
        guard values.count <= limit else {
            throw Self.refusal(
                "'\(path(name))' has \(values.count) entries, at most \(limit) are allowed"
            )
        }
        return values
    }

    /// Takes a list that has to have one element, an object.
    mutating func onlyObject(_ name: ExactString) throws(RegistryError) -> SignatureFields {
        let values = try list(name, limit: .max)
        guard values.count == 1, let value = values.first else {
            throw Self.refusal("'\(path(name))' has \(values.count) entries, expected one")
        }
        return try SignatureFields(value, place: "\(path(name))[0]")
    }

    /// Takes a string.
    mutating func string(_ name: ExactString) throws(RegistryError) -> String {
        guard case .string(let text) = try value(name) else {
            throw Self.refusal("'\(path(name))' is not a string")
        }
        return text
    }

    /// Takes a string that has to be `expected`.
    mutating func constant(_ name: ExactString, _ expected: ExactString) throws(RegistryError) {
        let found = try string(name)
        guard ExactString(found) == expected else {
            throw Self.refusal("'\(path(name))' is \(quoted(found)), expected '\(expected)'")
        }
    }

    /// Refuses what was not taken.
    func finish() throws(RegistryError) {
        guard let first = members.first else { return }
        let among = place.isEmpty ? "" : " in '\(place)'"
        throw Self.refusal("unknown member \(quoted(first.name))\(among)")
    }

    private func path(_ name: ExactString) -> String {
        place.isEmpty ? name.text : "\(place).\(name)"
    }
}
