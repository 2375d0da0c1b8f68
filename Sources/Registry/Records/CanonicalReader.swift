internal import Sealing
internal import Text

/// Takes the fields of a signed object one by one, and at the end insists that none is left.
struct CanonicalReader {
    private let what: String
    private var members: [ExactString: CanonicalValue]

    /// Reads `value`, which has to be an object; `what` names it in errors.
    init(_ value: CanonicalValue, what: String) throws(RegistryError) {
        guard case .object(let members) = value else {
            throw RegistryError(.dataLoss, "\(what): expected an object")
        }
        self.what = what
        self.members = Dictionary(members.map { ($0.key, $0.value) }) { first, _ in first }
    }

    /// Takes a field of any type.
    mutating func value(_ key: ExactString) throws(RegistryError) -> CanonicalValue {
        guard let value = members.removeValue(forKey: key) else {
            throw RegistryError(.dataLoss, "\(what): \(quoted(key)) is missing")
        }
        return value
    }

    /// Takes a string.
    mutating func string(_ key: ExactString) throws(RegistryError) -> String {
        guard case .string(let text) = try value(key) else {
            throw RegistryError(.dataLoss, "\(what): \(quoted(key)) is not a string")
        }
        return text
    }

    /// Takes an integer.
    mutating func signed(_ key: ExactString) throws(RegistryError) -> Int64 {
        guard case .integer(let number) = try value(key) else {
            throw RegistryError(.dataLoss, "\(what): \(quoted(key)) is not an integer")
        }
        return number
    }

    /// Takes an integer that is not negative.
    mutating func unsigned(_ key: ExactString) throws(RegistryError) -> UInt64 {
        guard let number = UInt64(exactly: try signed(key)) else {
            throw RegistryError(.dataLoss, "\(what): \(quoted(key)) is negative")
        }
        return number
    }

    /// Takes lower-case hex of `byteCount` bytes.
    mutating func hex(_ key: ExactString, byteCount: Int) throws(RegistryError) -> [UInt8] {
        guard let bytes = Hex.decode(try string(key)), bytes.count == byteCount else {
            throw RegistryError(
                .dataLoss,
                "\(what): \(quoted(key)) is not \(byteCount) bytes of hex"
            )
        }
        return bytes
    }

    /// Takes the type's name, which has to be `expected`.
    mutating func type(_ expected: String) throws(RegistryError) {
        let found = try string("type")
        guard ExactString(found) == ExactString(expected) else {
            throw RegistryError(
                .dataLoss,
                "\(what): type \(quoted(found)), expected \(quoted(expected))"
            )
        }
    }

    /// Refuses what was not taken.
    func finish() throws(RegistryError) {
        if let key = members.keys.min() {
            throw RegistryError(.dataLoss, "\(what): unknown key \(quoted(key))")
        }
    }
}
