internal import GRDB

extension MetadataTransaction {
    /// The newest event; `nil` before the first.
    func newestAuditEvent() throws -> AuditEventInfo? {
        try Row.fetchOne(database, sql: "SELECT * FROM audit ORDER BY sequence DESC LIMIT 1")
            .map { try MetadataTransaction.auditEvent($0) }
    }

    /// Adds an event.
    func insert(_ event: AuditEventInfo) throws {
        try database.execute(
            sql: "INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            arguments: [
                event.sequence.column, event.unixMs, event.principal, event.action, event.model,
                event.version.column, event.detail, event.previousHash.column, event.hash.column,
            ]
        )
    }

    /// The events after `sequence`, oldest first, until `body` has had enough and answers false.
    func auditEvents(
        model: String?,
        after sequence: UInt64,
        _ body: (AuditEventInfo) throws -> Bool
    ) throws {
        let filter = model == nil ? "" : "AND model = :model"
        var arguments: StatementArguments = ["sequence": sequence.column]
        if let model { arguments += ["model": model] }
        let rows = try Row.fetchCursor(
            database,
            sql: "SELECT * FROM audit WHERE sequence > :sequence \(filter) ORDER BY sequence",
            arguments: arguments
        )
        while let row = try rows.next() {
            guard try body(try MetadataTransaction.auditEvent(row)) else { return }
        }
    }

    private static func auditEvent(_ row: Row) throws -> AuditEventInfo {
        AuditEventInfo(
            sequence: row.unsigned("sequence"),
            unixMs: row["unix_ms"],
            principal: row.text("principal"),
            action: row.text("action"),
            model: row.text("model"),
            version: row.unsigned("version"),
            detail: row.text("detail"),
            previousHash: try row.hex("previous_hash"),
            hash: try row.hex("hash")
        )
    }
}
