internal import GRDB
internal import Sealing

// How Swift values lie in columns: SQLite has 64-bit signed integers and text.

extension Row {
    /// A count, a version or a generation.
    func unsigned(_ column: String) -> UInt64 {
        UInt64(bitPattern: self[column] as Int64)
    }

    /// A text.
    func text(_ column: String) -> String {
        self[column] as String
    }

    /// Lower-case hex; `dataLoss` for anything else.
    func hex(_ column: String) throws -> [UInt8] {
        guard let bytes = Hex.decode(text(column)) else {
            throw RegistryError(
                .dataLoss,
                "a row of the registry is damaged",
                detail: "column \(column) is not lower-case hex"
            )
        }
        return bytes
    }

    /// Canonical JSON; `dataLoss` for anything else.
    func canonical(_ column: String) throws -> CanonicalValue {
        do {
            return try CanonicalParser.parse(Array(text(column).utf8))
        } catch {
            throw RegistryError(
                .dataLoss,
                "a row of the registry is damaged",
                detail: "column \(column): \(error)"
            )
        }
    }
}

extension UInt64 {
    /// As SQLite stores it. Counts of the registry never reach the sign bit.
    var column: Int64 { Int64(bitPattern: self) }
}

extension [UInt8] {
    /// As SQLite stores it.
    var column: String { Hex.encode(self) }
}

extension [String: String] {
    /// As SQLite stores it.
    var column: String {
        String(
            decoding: CanonicalValue.object(mapValues { .string($0) }).encoded(),
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
            self[member.key] = text
        }
    }
}
