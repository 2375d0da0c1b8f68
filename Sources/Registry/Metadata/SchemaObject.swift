internal import GRDB
internal import Text

/// A row of `sqlite_schema`: a table, an index, a trigger or a view with the statement that made
/// it. Texts are compared by their bytes.
struct SchemaObject: Sendable, Hashable {
    let kind: ExactString
    let name: ExactString
    let table: ExactString
    /// `nil` for an index that SQLite made for a constraint.
    let statement: ExactString?

    /// At most ``Limits/maxSchemaObjects`` objects of a database, more than any format has.
    static func all(in database: Database) throws -> [SchemaObject] {
        try Row.fetchAll(
            database,
            sql: "SELECT type, name, tbl_name, sql FROM main.sqlite_schema LIMIT ?",
            arguments: [Limits.maxSchemaObjects]
        ).map { row in
            SchemaObject(
                kind: text(row[0]) ?? ExactString(""),
                name: text(row[1]) ?? ExactString(""),
                table: text(row[2]) ?? ExactString(""),
                statement: text(row[3])
            )
        }
    }

    /// No object of a format has the text of a value that is neither a text nor NULL.
    private static func text(_ value: DatabaseValue) -> ExactString? {
        switch value.storage {
        case .null: nil
        case .string(let text): ExactString(text)
        case .int64, .double, .blob: ExactString("not a text")
        }
    }

    private var place: [ExactString] { [kind, name] }

    private var title: String { "\(excerpt(kind.text)) \(quoted(name))" }

    /// How the objects of a database differ from those of a format: one line for each, foreign
    /// ones first.
    static func differences(of found: [SchemaObject], from format: DatabaseFormat) -> [String] {
        var missing = Set(format.objects)
        let others = found.filter { missing.remove($0) == nil }
        let changed = Set(missing.map(\.place)).intersection(others.map(\.place))
        let ofOthers = others.map { object in
            changed.contains(object.place)
                ? "\(object.title) differs from its statement in format \(format.number)"
                : "\(object.title) is not in the schema of format \(format.number)"
        }
        // The index of a constraint goes with its table, which is what is named.
        let ofMissing = missing.filter { $0.statement != nil && !changed.contains($0.place) }
            .map { object in
                "\(object.title) is missing from the schema of format \(format.number)"
            }
        return ofOthers + ofMissing.sorted()
    }
}
