internal import GRDB

/// A format of the metadata database: the rows of `grdb_migrations` that name it, and the objects
/// of its schema.
struct DatabaseFormat: Sendable, Equatable {
    /// The number of the registry format.
    let number: Int
    /// The rows of `grdb_migrations`.
    let identifiers: Set<String>
    /// Whether `alias_moves` has the columns of the checks that a move passes over.
    let hasMoveOverrides: Bool
    private let statements: [String]
    /// All rows of `sqlite_schema`.
    let objects: [SchemaObject]

    static let identifierTable =
        "CREATE TABLE grdb_migrations (identifier TEXT NOT NULL PRIMARY KEY)"

    /// The format that this release writes.
    static let current = DatabaseFormat(2, ["format-2"], Schema.statements)
    /// The two layouts of format 1, which a start migrates.
    static let formers = [
        DatabaseFormat(1, ["1"], FormerSchema.statements, hasMoveOverrides: false),
        DatabaseFormat(1, ["1", "2"], FormerSchema.statements + FormerSchema.changes),
    ]
    static let all = formers + [current]

    var isFormer: Bool { number < DatabaseFormat.current.number }

    /// SQLite itself makes the objects of the statements, the indexes of constraints among them,
    /// in a database in memory. A failure leaves no objects, which no database equals.
    private init(
        _ number: Int,
        _ identifiers: Set<String>,
        _ statements: [String],
        hasMoveOverrides: Bool = true
    ) {
        self.number = number
        self.identifiers = identifiers
        self.hasMoveOverrides = hasMoveOverrides
        self.statements = statements
        objects =
            (try? DatabaseQueue().write { database in
                for statement in statements { try database.execute(sql: statement) }
                return try SchemaObject.all(in: database)
            }) ?? []
    }

    /// Makes the format's objects in an empty database, and names the format.
    func create(in database: Database) throws {
        for statement in statements { try database.execute(sql: statement) }
        try name(in: database)
    }

    /// Names the format in place of another.
    func name(in database: Database) throws {
        try database.execute(sql: "DELETE FROM grdb_migrations")
        for identifier in identifiers.sorted() {
            try database.execute(
                sql: "INSERT INTO grdb_migrations VALUES (?)",
                arguments: [identifier]
            )
        }
    }

    /// The format that a database names; `nil` for none that this release knows.
    ///
    /// - Throws: `unavailable` for a database of a newer release.
    static func named(by database: Database) throws -> DatabaseFormat? {
        let identifiers = try Set(
            Row.fetchAll(database, sql: "SELECT identifier FROM grdb_migrations")
                .map { String.fromDatabaseValue($0[0]) ?? "" }
        )
        if let format = all.first(where: { $0.identifiers == identifiers }) { return format }
        let known = all.reduce(into: Set<String>()) { $0.formUnion($1.identifiers) }
        guard identifiers.isSubset(of: known) else {
            throw RegistryError(
                .unavailable,
                "the registry's database was written by a newer server",
                detail: "this release knows formats 1 to \(current.number)"
            )
        }
        return nil
    }
}
