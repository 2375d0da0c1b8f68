/// Checks that the database names a format, and that its schema is the format's. Needs no keys.
struct SchemaCheck {
    let metadata: MetadataStore
    let findings: Findings

    func run() {
        guard metadata.isOfKnownFormat else {
            return findings.fault(
                "database",
                "format",
                "the rows of table grdb_migrations name none: expected those of one format"
            )
        }
        let format = metadata.format
        if format.isFormer {
            findings.note(
                "database",
                "format",
                "is the former one, \(format.number): the next start of the server migrates it to "
                    + "\(DatabaseFormat.current.number)"
            )
        }
        let differences = findings.attempt("database", "schema") {
            try metadata.read { try $0.schemaDifferences(limit: Limits.maxNamedFindings) }
        }
        for difference in differences ?? [] { findings.fault("database", "schema", difference) }
    }
}
