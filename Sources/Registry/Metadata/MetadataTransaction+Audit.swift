internal import GRDB

extension MetadataTransaction {
    /// The newest event; `nil` before the first.
    func newestAuditEvent() throws -> AuditEventInfo? {
        try row(of: "audit", "SELECT * FROM audit ORDER BY sequence DESC LIMIT 1")
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

    /// The events after `sequence`, or all rows without one, oldest first, until `body` has had enough and answers false.
    func auditEvents(
        model: String?,
        after sequence: UInt64?,
        _ body: (AuditEventInfo) throws -> Bool
    ) throws {
        let filter = model == nil ? "" : "AND model = :model"
        var arguments: StatementArguments = ["sequence": sequence?.column ?? .min]
        if let model { arguments += ["model": model] }
        try eachRow(
            of: "audit",
            "SELECT * FROM audit WHERE sequence > :sequence \(filter) ORDER BY sequence",
            arguments
        ) { row in
            try body(try MetadataTransaction.auditEvent(row))
        }
    }

    private static func auditEvent(_ row: TableRow) throws -> AuditEventInfo {
        AuditEventInfo(
            sequence: try row.unsigned("sequence"),
            unixMs: try row.integer("unix_ms"),
            principal: try row.text("principal"),
            action: try row.text("action"),
            model: try row.text("model"),
            version: try row.unsigned("version"),
            detail: try row.text("detail"),
            previousHash: try row.hex("previous_hash"),
            hash: try row.hex("hash")
        )
    }
}
