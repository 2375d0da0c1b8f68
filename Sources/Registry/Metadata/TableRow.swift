internal import GRDB
internal import Sealing
internal import Text

/// A row of which the types are not taken for granted: the tables are strict, but a page that was
/// damaged since may hold anything in any column.
struct TableRow {
    private let row: Row
    /// Whose columns these are.
    private let table: String

    init(_ row: Row, of table: String) {
        self.row = row
        self.table = table
    }

    /// A text; `dataLoss` for anything else.
    func text(_ column: String) throws(RegistryError) -> String {
        guard case .string(let text) = storage(column) else {
            throw damaged(column, "not a text")
        }
        return text
    }

    /// A text, or NULL; `dataLoss` for anything else.
    func optionalText(_ column: String) throws(RegistryError) -> String? {
        isNull(column) ? nil : try text(column)
    }

    /// A number, times among them; `dataLoss` for anything else.
    func integer(_ column: String) throws(RegistryError) -> Int64 {
        guard case .int64(let number) = storage(column) else {
            throw damaged(column, "not an integer")
        }
        return number
    }

    /// A count, a version or a generation; `dataLoss` for anything else.
    func unsigned(_ column: String) throws(RegistryError) -> UInt64 {
        guard let number = UInt64(exactly: try integer(column)) else {
            throw damaged(column, "negative")
        }
        return number
    }

    /// The number after a count; `dataLoss` for a count that has none.
    func next(_ column: String) throws(RegistryError) -> UInt64 {
        let count = try unsigned(column)
        guard count < UInt64(Int64.max) else { throw damaged(column, "the highest number") }
        return count + 1
    }

    /// A count, a version or a generation, or NULL; `dataLoss` for anything else.
    func optionalUnsigned(_ column: String) throws(RegistryError) -> UInt64? {
        isNull(column) ? nil : try unsigned(column)
    }

    /// Lower-case hex; `dataLoss` for anything else.
    func hex(_ column: String) throws(RegistryError) -> [UInt8] {
        guard let bytes = Hex.decode(try text(column)) else {
            throw damaged(column, "not lower-case hex")
        }
        return bytes
    }

    /// Canonical JSON; `dataLoss` for anything else.
    func canonical(_ column: String) throws(RegistryError) -> CanonicalValue {
        let text = try text(column)
        do {
            return try CanonicalParser.parse(Array(text.utf8))
        } catch {
            throw damaged(column, "\(error)")
        }
    }

    /// One of the words that a column may hold; `dataLoss` for anything else.
    func word<Word: RawRepresentable<String>>(
        _ column: String,
        as _: Word.Type
    ) throws(RegistryError) -> Word {
        let text = try text(column)
        guard let word = Word(rawValue: text) else { throw damaged(column, "\(quoted(text))") }
        return word
    }

    /// A part of the row's key, for a message.
    func words(_ column: String) -> String {
        switch storage(column) {
        case .string(let text): excerpt(text)
        case .int64(let number): "\(number)"
        default: "?"
        }
    }

    private func isNull(_ column: String) -> Bool {
        guard case .null = storage(column) else { return false }
        return true
    }

    /// nil for a column that there is not.
    private func storage(_ column: String) -> DatabaseValue.Storage? {
        (row[column] as DatabaseValue?)?.storage
    }

    private func damaged(_ column: String, _ problem: String) -> RegistryError {
        RegistryError(
            .dataLoss,
            "a row of the registry is damaged",
            detail: "table \(table), column \(column): \(problem)"
        )
    }
}

extension MetadataTransaction {
    /// The first row that a query answers.
    ///
    /// - Parameter table: Whose columns it has.
    func row(
        of table: String,
        _ sql: String,
        _ arguments: StatementArguments = StatementArguments()
    ) throws -> TableRow? {
        try Row.fetchOne(database, sql: sql, arguments: arguments)
            .map { TableRow($0, of: table) }
    }

    /// All rows that a query answers.
    ///
    /// - Parameter table: Whose columns they have.
    func rows(
        of table: String,
        _ sql: String,
        _ arguments: StatementArguments = StatementArguments()
    ) throws -> [TableRow] {
        try Row.fetchAll(database, sql: sql, arguments: arguments)
            .map { TableRow($0, of: table) }
    }

    /// The rows that a query answers, one after another, until `body` has had enough and answers
    /// false.
    ///
    /// - Parameter table: Whose columns they have.
    func eachRow(
        of table: String,
        _ sql: String,
        _ arguments: StatementArguments = StatementArguments(),
        _ body: (TableRow) throws -> Bool
    ) throws {
        let rows = try Row.fetchCursor(database, sql: sql, arguments: arguments)
        while let row = try rows.next() {
            guard try body(TableRow(row, of: table)) else { return }
        }
    }
}
