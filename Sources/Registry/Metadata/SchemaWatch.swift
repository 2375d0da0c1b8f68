internal import GRDB
internal import Synchronization

/// The format of an open database, and the state of its schema that was last compared with it.
///
/// SQLite runs what its parsed schema says, and parses `sqlite_schema` anew when the schema cookie
/// in the file differs from the one of the parsed schema. A comparison at another cookie than the
/// last therefore drops the parsed schema, inside its transaction: what is compared is then what
/// SQLite parses. As long as the cookie stays, the connection runs that schema, whatever bytes of
/// `sqlite_schema` are changed without the cookie. The rows are compared each time all the same,
/// about 30 of them, so that such a change is found before the next start too.
final class SchemaWatch: Sendable {
    private struct State {
        var format: DatabaseFormat
        /// The schema cookie of the last comparison without a difference.
        var comparedCookie: Int64?
    }

    private let state: Mutex<State>

    init(_ format: DatabaseFormat) {
        state = Mutex(State(format: format))
    }

    /// The format that the database has to have. A new one makes the next comparison a whole one.
    var format: DatabaseFormat {
        get { state.withLock { $0.format } }
        set { state.withLock { $0 = State(format: newValue) } }
    }

    /// How the schema differs from the format's; `nil` for no difference.
    func difference(in database: Database) throws -> String? {
        let cookie = try Int64.fetchOne(database, sql: "PRAGMA main.schema_version")
        let (format, isCompared) = state.withLock { state in
            (state.format, cookie != nil && state.comparedCookie == cookie)
        }
        let difference =
            isCompared
            ? SchemaObject.differences(of: try SchemaObject.all(in: database), from: format).first
            : try SchemaWatch.differences(in: database, from: format).first
        if difference == nil { state.withLock { $0.comparedCookie = cookie } }
        return difference
    }

    /// All differences, of the schema as it is in the file now.
    static func differences(
        in database: Database,
        from format: DatabaseFormat
    ) throws -> [String] {
        // Drops the parsed schema; the next statement parses it from the file.
        try database.execute(sql: "PRAGMA writable_schema = RESET")
        return SchemaObject.differences(of: try SchemaObject.all(in: database), from: format)
    }
}

extension MetadataTransaction {
    /// How the database's schema differs from its format's; `nil` for no difference.
    func schemaDifference() throws -> String? {
        try watch.difference(in: database)
    }

    /// All differences of the schema, at most `limit`.
    func schemaDifferences(limit: Int) throws -> [String] {
        Array(try SchemaWatch.differences(in: database, from: watch.format).prefix(limit))
    }
}
