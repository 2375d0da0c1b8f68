internal import Sealing
internal import Text

/// Checks the catalogue's head: its signature, its form, and that the tables say what it says.
/// Everything is read from one snapshot.
struct HeadCheck {
    static let object = "catalogue head"

    let publicKey: VerifyingKey?
    let findings: Findings
    /// Whether the aliases are compared too.
    var comparesAliases = true

    /// What the rest of a verification takes from the head.
    struct Outcome {
        /// nil unless its signature holds or, without a public key, its form does.
        var head: CatalogueHead?
        /// From the signed head, else from its row.
        var registryID: [UInt8]?
        /// Whether it can be trusted and every table says what it says.
        var isClean = false
        /// Whether the audit log ends with the event that the head names, as far as it can say.
        var endsLog = true
    }

    func run(_ transaction: MetadataTransaction) throws -> Outcome {
        let others = try transaction.otherHeads(limit: Limits.maxNamedFindings)
        for row in others {
            findings.fault(
                Self.object,
                "row \(try row.integer("id"))",
                "is there, and row 1 is the only one"
            )
        }
        guard let row = try transaction.checkedHead() else {
            findings.fault(Self.object, "", "is missing")
            return Outcome()
        }
        var outcome = try check(row, transaction)
        if !others.isEmpty { outcome.isClean = false }
        return outcome
    }

    /// Checks a row of `catalogue`.
    func check(_ row: CheckedRow, _ transaction: MetadataTransaction) throws -> Outcome {
        let columns = Columns(row, findings)
        var outcome = Outcome(registryID: columns.registryID)
        guard let bytes = columns.head, let signature = columns.signature else { return outcome }
        let holds = publicKey?.verify(signature: signature, over: bytes) ?? true
        let head: CatalogueHead
        do {
            head = try CatalogueHead(verified: bytes)
        } catch {
            findings.fault(
                Self.object,
                "head",
                holds ? "\(error)" : "\(error); its signature does not hold"
            )
            return outcome
        }
        let differences = try differences(head, columns, transaction)
        outcome.endsLog = !differences.contains { $0.object == AuditCheck.object }
        if holds {
            outcome = Outcome(
                head: head,
                registryID: head.registryID,
                isClean: publicKey != nil && differences.isEmpty && columns.isWhole,
                endsLog: outcome.endsLog
            )
            for difference in differences {
                findings.fault(difference.object, difference.field, difference.problem)
            }
            return outcome
        }
        for difference in differences {
            findings.fault(
                Self.object,
                "head field \(difference.key)",
                "\(difference.problem); the head's signature does not hold"
            )
        }
        if differences.isEmpty {
            findings.fault(
                Self.object,
                "head signature",
                "does not hold: it, previous_sha256 or unix_ms is altered, or another key signed"
            )
        }
        return outcome
    }

    private struct Columns {
        let registryID: [UInt8]?
        let sequence: UInt64?
        let recordSHA256: [UInt8]?
        let head: [UInt8]?
        let signature: [UInt8]?

        var isWhole: Bool { registryID != nil && sequence != nil && recordSHA256 != nil }

        init(_ row: CheckedRow, _ findings: Findings) {
            let object = HeadCheck.object
            registryID = findings.attempt(object, "") {
                try row.hex("registry_id", byteCount: SealingLimits.idBytes)
            }
            sequence = findings.attempt(object, "") { try row.unsigned("sequence") }
            recordSHA256 = findings.attempt(object, "") {
                try row.hex("record_sha256", byteCount: Digest.byteCount)
            }
            head = findings.attempt(object, "") { Array(try row.text("head").utf8) }
            signature = findings.attempt(object, "head") {
                try row.hex("signature", byteCount: SigningKey.signatureBytes)
            }
        }
    }

    /// Something that the head and a table do not agree on.
    private struct Difference {
        /// The head's field.
        let key: String
        /// What is wrong if the head is right.
        let object: String
        let field: String
        let problem: String
    }

    private func differences(
        _ head: CatalogueHead,
        _ columns: Columns,
        _ transaction: MetadataTransaction
    ) throws -> [Difference] {
        var found: [Difference] = []
        func compare<Value: Equatable>(
            _ key: String,
            _ stated: Value,
            _ stored: Value?,
            _ column: String
        ) {
            guard let stored, stored != stated else { return }
            found.append(
                Difference(
                    key: key,
                    object: Self.object,
                    field: "column \(column)",
                    problem: "not what the head says"
                )
            )
        }
        compare("registry", head.registryID, columns.registryID, "registry_id")
        compare("sequence", head.sequence, columns.sequence, "sequence")
        compare("record_sha256", head.recordSHA256, columns.recordSHA256, "record_sha256")
        if comparesAliases { found += try aliasDifferences(head, transaction) }
        found += try auditDifferences(head, transaction)
        return found
    }

    private func aliasDifferences(
        _ head: CatalogueHead,
        _ transaction: MetadataTransaction
    ) throws -> [Difference] {
        var found: [Difference] = []
        var left = head.aliases
        for row in try transaction.checkedAliases() {
            guard let model = (try? row.text("model")).map({ ExactString($0) }),
                let name = (try? row.text("name")).map({ ExactString($0) })
            else { continue }
            let object = "model '\(model)', alias '\(name)'"
            func add(_ field: String, _ problem: String) {
                found.append(
                    Difference(key: "aliases", object: object, field: field, problem: problem)
                )
            }
            guard let stated = left[model]?.removeValue(forKey: name) else {
                add("row", "the head has no such alias")
                continue
            }
            let fields = [
                ("version", stated.version), ("generation", stated.generation),
                ("target_version", stated.targetVersion),
            ]
            for (column, value) in fields {
                let stored = try? row.unsigned(column)
                if stored != value {
                    add(
                        "column \(column)",
                        "\(stored.map(String.init) ?? "no number"), and the head says \(value)"
                    )
                }
            }
        }
        for (model, names) in left {
            for name in names.keys {
                found.append(
                    Difference(
                        key: "aliases",
                        object: "model '\(model)', alias '\(name)'",
                        field: "row",
                        problem: "is missing, and the head has it"
                    )
                )
            }
        }
        return found
    }

    private func auditDifferences(
        _ head: CatalogueHead,
        _ transaction: MetadataTransaction
    ) throws -> [Difference] {
        let newest = try transaction.newestCheckedEvent()
        let sequence = try? newest?.unsigned("sequence")
        var found: [Difference] = []
        func add(_ key: String, _ field: String, _ problem: String) {
            found.append(
                Difference(key: key, object: AuditCheck.object, field: field, problem: problem)
            )
        }
        if sequence != head.auditSequence {
            let number = sequence.map(String.init) ?? "none"
            add(
                "audit_sequence",
                (sequence ?? 0) < head.auditSequence ? "tail" : "events after the head",
                "the newest event is \(number), and the head's is \(head.auditSequence)"
            )
        } else if try newest?.hex("hash") != head.auditSHA256 {
            add("audit_sha256", "hash", "the newest event's is not the head's")
        }
        return found
    }
}
