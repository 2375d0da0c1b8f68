import Foundation
import Registry
import Testing
import Text

/// A page that is damaged while the server runs may hold anything in any column.
@Suite("Columns of a wrong type")
struct DamagedTypeTests {
    @Test(
        "a column of a wrong type is data loss that names it, and the process goes on",
        arguments: [
            ("aliases", "version", "x'00'"), ("aliases", "failure", "x'00'"),
            ("aliases", "changed_unix_ms", "'x'"), ("aliases", "version", "-1"),
            ("aliases", "changed_by", "x'00'"), ("versions", "state", "x'00'"),
            ("versions", "state", "'none'"), ("versions", "created_unix_ms", "1.5"),
            ("versions", "bytes", "'x'"), ("versions", "record", "x'00'"),
            ("versions", "metadata", "x'00'"), ("versions", "bundle_id", "'xyz'"),
            ("alias_moves", "outcome", "x'00'"), ("alias_moves", "asked_unix_ms", "'x'"),
            ("alias_moves", "allow_signature_change", "'x'"), ("alias_moves", "force", "x'00'"),
            ("alias_moves", "is_rollback", "'x'"), ("alias_counters", "generation", "'x'"),
            ("audit", "unix_ms", "'x'"), ("audit", "detail", "x'00'"),
            ("wrapped_keys", "kek_id", "x'00'"), ("wrapped_keys", "salt", "1.5"),
            ("uploads", "used_unix_ms", "'x'"), ("uploads", "alias", "x'00'"),
            ("uploads", "version", "'x'"), ("upload_files", "sealed_bytes", "'x'"),
            ("upload_files", "file_index", "'x'"), ("catalogue", "head", "x'00'"),
            ("catalogue", "sequence", "'x'"), ("models", "newest", "'x'"),
            ("models", "newest", "9223372036854775807"),
        ]
    )
    func wrongType(table: String, column: String, value: String) throws {
        let home = try TestHome()
        let upload = try Self.populate(home)
        // A server that has not read the upload's rows yet.
        let served = try home.open()
        try home.sql(
            """
            PRAGMA writable_schema = ON;
            UPDATE sqlite_schema SET sql = replace(sql, ') STRICT', ')') WHERE name = '\(table)';
            """
        )
        try home.sql(
            "PRAGMA ignore_check_constraints = ON; UPDATE \(table) SET \(column) = \(value)",
            checksReferences: false
        )
        let errors = Self.readAll(served, upload)
        #expect(!errors.isEmpty)
        // A read names the column; a change names the row, or the statement of its table.
        let isNamed = errors.contains { error in
            error.code == .dataLoss
                && (error.detail.hasPrefix("table \(table), column \(column): ")
                    && error.message.hasSuffix("a row of the registry is damaged")
                    || error.message.hasPrefix("the registry was changed by others: \(table), ")
                    || error.message.hasPrefix(
                        "the registry was changed by others: sqlite_schema, table '\(table)'"
                    ))
        }
        #expect(isNamed, "\(errors)")
    }

    /// A version that an alias answers with, and an open upload, whose id is answered.
    private static func populate(_ home: TestHome) throws -> String {
        let registry = try home.open()
        _ = try registry.publishSmall(alias: "live", serve: true)
        let upload = try registry.beginPublish(
            TestBundle(model: "third", content: patterned(50)).request,
            principal: "cert:ann"
        ).uploadID
        try registry.chunk(upload, 0, 0, Array(TestBundle.cardText.utf8))
        return upload
    }

    /// What fails of everything that reads or changes rows.
    private static func readAll(_ registry: Registry, _ upload: String) -> [RegistryError] {
        let calls: [() throws -> Void] = [
            { _ = try registry.models(after: nil, limit: 10) { _ in true } },
            { _ = try registry.versions(model: "sentiment", before: nil, limit: 10) },
            { _ = try registry.open(model: "sentiment", version: 1).read("model.onnx") },
            { _ = try registry.allAliases() },
            { _ = try registry.alias(model: "sentiment", alias: "live") },
            {
                _ = try registry.aliasHistory(
                    model: "sentiment",
                    alias: "live",
                    before: nil,
                    limit: 10
                )
            },
            { _ = try registry.auditEvents(model: nil, after: 0, limit: 10) { _ in true } },
            { _ = try registry.uploadStatus(uploadID: upload, principal: "cert:ann") },
            { _ = try registry.chunk(upload, 1, 0, patterned(50)) },
            { _ = try registry.rollback(model: "sentiment", alias: "live", principal: "cert:ann") },
            {
                _ = try registry.setAlias(
                    model: "sentiment",
                    alias: "live",
                    version: 1,
                    principal: "cert:ann"
                )
            },
            { _ = try registry.publishSmall() },
        ]
        return calls.compactMap { call in
            do {
                try call()
                return nil
            } catch {
                return error as? RegistryError
            }
        }
    }
}
