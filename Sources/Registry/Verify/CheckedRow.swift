internal import Sealing
internal import Text

/// A row of the database of which nothing is taken for granted: a damaged page may hold anything
/// in any column.
struct CheckedRow {
    enum Value {
        case integer(Int64)
        case text(String)
        case null
        case other
    }

    /// A column that does not hold what it must.
    struct ColumnFault: Error {
        let column: String
        let problem: String

        var field: String { "column \(column)" }
    }

    let values: [String: Value]

    func text(_ column: String) throws(ColumnFault) -> String {
        guard case .text(let text) = values[column] else {
            throw ColumnFault(column: column, problem: "not a text")
        }
        return text
    }

    func integer(_ column: String) throws(ColumnFault) -> Int64 {
        guard case .integer(let number) = values[column] else {
            throw ColumnFault(column: column, problem: "not an integer")
        }
        return number
    }

    func isNull(_ column: String) -> Bool { values[column] == .null }

    /// A count, which is never negative.
    func unsigned(_ column: String) throws(ColumnFault) -> UInt64 {
        guard let number = UInt64(exactly: try integer(column)) else {
            throw ColumnFault(column: column, problem: "negative")
        }
        return number
    }

    /// Lower-case hex; of `byteCount` bytes where that is given.
    func hex(_ column: String, byteCount: Int? = nil) throws(ColumnFault) -> [UInt8] {
        guard let bytes = Hex.decode(try text(column)) else {
            throw ColumnFault(column: column, problem: "not lower-case hex")
        }
        if let byteCount, bytes.count != byteCount {
            throw ColumnFault(
                column: column,
                problem: "\(bytes.count) bytes, expected \(byteCount)"
            )
        }
        return bytes
    }

    func canonical(_ column: String) throws(ColumnFault) -> CanonicalValue {
        let text = try text(column)
        do {
            return try CanonicalParser.parse(Array(text.utf8))
        } catch {
            throw ColumnFault(column: column, problem: "not canonical JSON: \(error)")
        }
    }
}

extension CheckedRow.Value: Equatable {
    /// Texts are equal by their bytes, and not when they only look the same.
    static func == (left: Self, right: Self) -> Bool {
        switch (left, right) {
        case (.integer(let left), .integer(let right)): left == right
        case (.text(let left), .text(let right)): ExactString(left) == ExactString(right)
        case (.null, .null), (.other, .other): true
        case (.integer, _), (.text, _), (.null, _), (.other, _): false
        }
    }
}

extension CheckedRow.Value {
    /// As a finding says it; long texts are cut.
    var words: String {
        switch self {
        case .integer(let number): return "\(number)"
        case .text(let text):
            let start = text.prefix(Limits.maxQuotedCharacters)
            return start.endIndex == text.endIndex ? "'\(text)'" : "'\(start)...'"
        case .null: return "NULL"
        case .other: return "neither a number nor a text"
        }
    }
}
