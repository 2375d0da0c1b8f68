internal import Sealing
internal import Text

// How Swift values lie in columns: SQLite has 64-bit signed integers and text.

extension UInt64 {
    /// As SQLite stores it. Counts of the registry never reach the sign bit.
    var column: Int64 { Int64(bitPattern: self) }
}

extension [UInt8] {
    /// As SQLite stores it.
    var column: String { Hex.encode(self) }
}

extension [ExactString: ExactString] {
    /// As SQLite stores it.
    var column: String {
        String(
            decoding: CanonicalValue.object(mapValues { .string($0.text) }).encoded(),
            as: UTF8.self
        )
    }

    /// Reads ``column``.
    init(column value: CanonicalValue) throws {
        guard case .object(let members) = value else {
            throw RegistryError(.dataLoss, "a row of the registry is damaged")
        }
        self.init()
        for member in members {
            guard case .string(let text) = member.value else {
                throw RegistryError(.dataLoss, "a row of the registry is damaged")
            }
            self[member.key] = ExactString(text)
        }
    }
}
