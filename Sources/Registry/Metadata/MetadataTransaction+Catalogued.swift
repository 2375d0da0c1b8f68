internal import GRDB
internal import Text

/// The row of an alias's name in `alias_counters`.
struct AliasCounter: Equatable {
    let generation: UInt64
    /// The last generation before the alias was deleted; 0: never.
    let deletedGeneration: UInt64
}

/// Whether a version may serve, as its row says.
struct StoredState {
    let state: VersionState
    let reason: String
}

/// Rows that a comparison with the signed catalogue reads. A row of a walk that cannot be read is
/// a ``RegistryFault``.
extension MetadataTransaction {
    /// How many commits of other connections this one has seen, in SQLite's own count.
    func dataVersion() throws -> Int64 {
        try Int64.fetchOne(database, sql: "PRAGMA data_version") ?? 0
    }

    /// How many rows this connection has changed, those of triggers among them.
    var changeCount: Int { database.totalChangesCount }

    /// Every alias.
    func eachAlias(_ body: (AliasName, AliasInfo) throws -> Void) throws {
        try eachRow(of: "aliases", keyed: ["model", "name"], "SELECT * FROM aliases") { row in
            try body(AliasName(row), MetadataTransaction.aliasInfo(row))
        }
    }

    /// The counter of an alias's name; `nil` if it never was.
    func counter(of name: AliasName) throws -> AliasCounter? {
        try row(
            of: "alias_counters",
            "SELECT * FROM alias_counters WHERE model = ? AND name = ?",
            [name.model, name.name]
        ).map { try AliasCounter($0) }
    }

    /// Every counter.
    func eachCounter(_ body: (AliasName, AliasCounter) throws -> Void) throws {
        try eachRow(
            of: "alias_counters",
            keyed: ["model", "name"],
            "SELECT * FROM alias_counters"
        ) { row in
            try body(AliasName(row), AliasCounter(row))
        }
    }

    /// All moves of an alias, oldest first.
    func history(of name: AliasName) throws -> [StoredMove] {
        try rows(
            of: "alias_moves",
            "SELECT * FROM alias_moves WHERE model = ? AND name = ? ORDER BY generation",
            [name.model, name.name]
        ).map { try MetadataTransaction.storedMove($0) }
    }

    /// Every move, those of one alias oldest first.
    func eachMove(_ body: (AliasName, StoredMove) throws -> Void) throws {
        // A migration gives these values to the moves of a format without the columns.
        let isWhole = watch.format.hasMoveOverrides
        let missing = isWhole ? "" : ", 0 AS allow_signature_change, 0 AS force"
        try eachRow(
            of: "alias_moves",
            keyed: ["model", "name"],
            "SELECT *\(missing) FROM alias_moves ORDER BY model, name, generation"
        ) { row in
            try body(AliasName(row), MetadataTransaction.storedMove(row))
        }
    }

    /// The highest version number that a model was given; `nil` for no such model.
    func newestVersion(model: String) throws -> UInt64? {
        try row(of: "models", "SELECT newest FROM models WHERE name = ?", [model])
            .map { try $0.unsigned("newest") }
    }

    /// Every model.
    func eachModel(_ body: (String, UInt64) throws -> Void) throws {
        try eachRow(of: "models", keyed: ["name"], "SELECT * FROM models") { row in
            try body(try row.text("name"), try row.unsigned("newest"))
        }
    }

    /// The digest of a version's record, as its row names it.
    func recordSHA256(model: String, version: UInt64) throws -> [UInt8]? {
        try row(
            of: "versions",
            "SELECT record_sha256 FROM versions WHERE model = ? AND version = ?",
            [model, version.column]
        ).map { try $0.hex("record_sha256") }
    }

    /// Whether a version may serve; `nil` if it never was.
    func state(model: String, version: UInt64) throws -> StoredState? {
        try row(
            of: "versions",
            "SELECT state, reason FROM versions WHERE model = ? AND version = ?",
            [model, version.column]
        ).map { try StoredState($0) }
    }

    /// Whether each version may serve.
    func eachState(_ body: (String, UInt64, StoredState) throws -> Void) throws {
        try eachRow(
            of: "versions",
            keyed: ["model", "version"],
            "SELECT model, version, state, reason FROM versions"
        ) { row in
            try body(try row.text("model"), try row.unsigned("version"), StoredState(row))
        }
    }

    private func eachRow(
        of table: String,
        keyed columns: [String],
        _ sql: String,
        _ body: (TableRow) throws -> Void
    ) throws {
        try eachRow(of: table, sql) { row in
            do {
                try body(row)
            } catch let error as RegistryError where error.code == .dataLoss {
                throw RegistryFault(table, columns.map(row.words).joined(separator: "/"))
            }
            return true
        }
    }
}

extension AliasName {
    fileprivate init(_ row: TableRow) throws(RegistryError) {
        self.init(model: try row.text("model"), name: try row.text("name"))
    }
}

extension AliasCounter {
    fileprivate init(_ row: TableRow) throws(RegistryError) {
        generation = try row.unsigned("generation")
        deletedGeneration = try row.unsigned("deleted_generation")
    }
}

extension StoredState {
    fileprivate init(_ row: TableRow) throws(RegistryError) {
        state = try row.word("state", as: VersionState.self)
        reason = try row.text("reason")
    }
}
