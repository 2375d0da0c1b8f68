internal import Sealing

/// Walks the audit log from its first event to the head's, a page at a time.
struct AuditCheck {
    static let object = "audit log"

    let metadata: MetadataStore
    let findings: Findings

    /// An event's place in the chain.
    private struct Link {
        var sequence: UInt64 = 0
        /// As its row states it.
        var stated = AuditHash.noPrevious
        /// As its fields give it.
        var computed = AuditHash.noPrevious
        /// Whether the row before could be read: if not, nothing is said of the hash between.
        var isKnown = true
    }

    /// What a log is good for after its checks.
    struct Outcome {
        /// How many events there are.
        var events: UInt64 = 0
        /// Whether nothing is wrong with it.
        var isWhole = true
    }

    /// - Parameters:
    ///   - last: The newest event to look at; nil: to the end.
    ///   - checkpoint: An event whose hash is known from before.
    func run(
        last: UInt64?,
        checkpoint: (sequence: UInt64, hash: [UInt8])? = nil
    ) -> Outcome {
        // Nothing else is checked at the same time.
        let faults = findings.faults
        checkStart()
        let count = walk(last: last, checkpoint: checkpoint)
        return Outcome(events: count, isWhole: findings.faults == faults)
    }

    /// The walk starts at event 1: what lies before it is none.
    private func checkStart() {
        let rows = findings.attempt(Self.object, "rows before event 1") {
            try metadata.read {
                try $0.eventsBeforeFirst(limit: Limits.maxNamedFindings)
            }
        }
        for row in rows ?? [] {
            let number = (try? row.integer("sequence")).map(String.init) ?? "?"
            findings.fault("audit event \(number)", "sequence", "expected at least 1")
        }
    }

    private func walk(
        last: UInt64?,
        checkpoint: (sequence: UInt64, hash: [UInt8])?
    ) -> UInt64 {
        var link = Link()
        var count: UInt64 = 0
        var isEnded = false
        while !isEnded {
            let after = Int64(clamping: link.sequence)
            let rows = findings.attempt(Self.object, "rows after event \(after)") {
                try metadata.read {
                    try $0.checkedEvents(after: after, limit: Limits.verifyPageRows)
                }
            }
            guard let rows, !rows.isEmpty else { break }
            let before = link.sequence
            for row in rows {
                guard let sequence = try? row.unsigned("sequence"), sequence <= last ?? .max else {
                    isEnded = true
                    break
                }
                // A damaged page need not be in order: no row is read twice.
                guard sequence > link.sequence else {
                    findings.fault(
                        "audit event \(sequence)",
                        "sequence",
                        "stands after event \(link.sequence)"
                    )
                    continue
                }
                link = check(row, sequence, after: link)
                if let checkpoint, checkpoint.sequence == sequence {
                    compare(checkpoint.hash, with: link)
                }
                count += 1
            }
            if link.sequence == before { isEnded = true }
        }
        if let checkpoint, link.sequence < checkpoint.sequence {
            findings.fault(
                Self.object,
                "tail",
                "the newest event is \(link.sequence), and the checkpoint's is "
                    + "\(checkpoint.sequence)"
            )
        }
        return count
    }

    private func compare(_ hash: [UInt8], with link: Link) {
        if hash != link.stated {
            findings.fault(
                "audit event \(link.sequence)",
                "hash",
                "not the one that the checkpoint has: the log was written anew"
            )
        }
    }

    private func check(_ row: CheckedRow, _ sequence: UInt64, after last: Link) -> Link {
        let object = "audit event \(sequence)"
        if sequence != last.sequence + 1 {
            let first = last.sequence + 1
            findings.fault(
                first == sequence - 1
                    ? "audit event \(first)" : "audit events \(first) to \(sequence - 1)",
                "sequence",
                "missing"
            )
        }
        guard let event = findings.attempt(object, "", { try Self.event(row, sequence) }) else {
            return Link(sequence: sequence, isKnown: false)
        }
        let chained = AuditHash.chained(
            sequence: event.sequence,
            unixMs: event.unixMs,
            principal: event.principal,
            action: event.action,
            model: event.model,
            version: event.version,
            detail: event.detail,
            previousHash: event.previousHash
        )
        if chained.hash != event.hash {
            findings.fault(object, "hash", "not that of its fields: it or one of them is altered")
        }
        let isAfter = sequence == last.sequence + 1
        if last.isKnown, isAfter, event.previousHash != last.stated,
            event.previousHash != last.computed
        {
            findings.fault(object, "previous_hash", "not the hash of event \(last.sequence)")
        }
        return Link(sequence: sequence, stated: event.hash, computed: chained.hash)
    }

    /// An event of which the columns hold what they must.
    static func event(_ row: CheckedRow, _ sequence: UInt64) throws -> AuditEventInfo {
        AuditEventInfo(
            sequence: sequence,
            unixMs: try row.integer("unix_ms"),
            principal: try row.text("principal"),
            action: try row.text("action"),
            model: try row.text("model"),
            version: try row.unsigned("version"),
            detail: try row.text("detail"),
            previousHash: try row.hex("previous_hash", byteCount: Digest.byteCount),
            hash: try row.hex("hash", byteCount: Digest.byteCount)
        )
    }
}
