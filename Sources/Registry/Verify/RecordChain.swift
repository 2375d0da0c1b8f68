/// The chain of version records: each names the record before it. Holds a few numbers of each
/// record, and no record.
struct RecordChain {
    /// A digest in short; two of one registry do not meet by chance.
    private struct Short: Hashable {
        let high: UInt64
        let low: UInt64

        init(_ digest: [UInt8]) {
            func word(_ start: Int) -> UInt64 {
                digest.dropFirst(start).prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
            }
            (high, low) = (word(0), word(8))
        }
    }

    private struct Link {
        let sequence: UInt64
        let model: String
        let version: Int64
        let own: Short
        let previous: Short
    }

    private var links: [Link] = []
    /// The digests of records that could not be read, as their rows state them.
    private var unread: Set<Short> = []

    mutating func add(_ record: VersionRecord, sha256: [UInt8], version: Int64) {
        links.append(
            Link(
                sequence: record.sequence,
                model: record.model,
                version: version,
                own: Short(sha256),
                previous: Short(record.previousSHA256)
            )
        )
    }

    mutating func addUnread(statedSHA256: [UInt8]?) {
        if let statedSHA256 { unread.insert(Short(statedSHA256)) }
    }

    /// Reports what is out of the chain.
    ///
    /// - Parameter head: What the newest record must be; nil: the head cannot be trusted.
    mutating func check(head: CatalogueHead?, _ findings: Findings) {
        // What came after the head that was read has a later one to agree with.
        if let head { links.removeAll { $0.sequence > head.sequence } }
        links.sort { $0.sequence < $1.sequence }
        var before: Link?
        for link in links {
            let object = "model '\(link.model)', version \(link.version)"
            if let before, before.sequence == link.sequence {
                findings.fault(
                    object,
                    "record field sequence",
                    "\(link.sequence) is also that of model '\(before.model)', version "
                        + "\(before.version)"
                )
            }
            let wanted = before?.own ?? Short(VersionRecord.noPrevious)
            if link.previous != wanted, !unread.contains(link.previous) {
                findings.fault(
                    object,
                    "record field previous_sha256",
                    "not that of the record before it, "
                        + (before.map { "model '\($0.model)', version \($0.version)" } ?? "none")
                        + ": a record is missing or not in its place"
                )
            }
            before = link
        }
        guard let head else { return }
        let newest = Short(head.recordSHA256)
        let last = before?.own ?? Short(VersionRecord.noPrevious)
        if newest != last, !unread.contains(newest) {
            findings.fault(
                HeadCheck.object,
                "record_sha256",
                "the newest record that it names is missing"
            )
        }
    }
}
