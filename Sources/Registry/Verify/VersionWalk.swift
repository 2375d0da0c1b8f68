internal import Sealing
internal import Synchronization

/// Checks all versions and open uploads with their sealed files, a page of rows at a time.
struct VersionWalk {
    let verification: Verification
    let metadata: MetadataStore
    let base: Verification.Base
    let registryID: [UInt8]

    /// What is in use.
    struct Referred {
        var blobs: Set<BlobKey> = []
        var uploads: Set<String> = []
    }

    private var findings: Findings { verification.findings }

    func run(_ summary: inout VerificationSummary) -> Referred {
        var referred = Referred()
        var chain = RecordChain()
        let checks = BlobChecks()
        let progress = makeProgress()
        var places = VersionPlaces(metadata: metadata, findings: findings)
        while let page = places.next() {
            for place in page {
                guard let row = check(place: place) else { continue }
                summary.versions += 1
                guard let record = row.outcome.record else {
                    chain.addUnread(statedSHA256: row.outcome.statedSHA256)
                    continue
                }
                chain.add(record, sha256: row.outcome.recordSHA256, version: row.number)
                guard !row.outcome.isDeleted else { continue }
                for file in record.files {
                    referred.blobs.insert(BlobKey(file.sealedSHA256))
                    summary.files += 1
                    summary.bytes &+= file.size
                    checks.add(check(file, of: record, key: row.outcome.dataKey, progress))
                }
            }
        }
        chain.check(head: base.head, findings)
        CommittedUploadCheck(
            metadata: metadata,
            registryID: registryID,
            keys: verification.keys,
            findings: findings
        ).run()
        checkUploads(checks, &referred, &summary)
        checks.finish()
        return referred
    }

    /// Checks one version's rows; nil where there is none, or it cannot be read.
    private func check(place: Int64) -> (number: Int64, outcome: VersionCheck.Outcome)? {
        let found = findings.attempt("version at row \(place)", "") {
            try metadata.read { transaction -> (Int64, VersionCheck.Outcome)? in
                guard let row = try transaction.checkedVersion(place: place) else { return nil }
                let number = try row.integer("version")
                let check = VersionCheck(
                    model: try row.text("model"),
                    number: number,
                    registryID: registryID,
                    publicKey: base.publicKey,
                    keys: verification.keys,
                    cardKey: base.cardKey,
                    findings: findings
                )
                let outcome = check.run(row) { try transaction.checkedKey(bundleID: $0) }
                try checkUpload(row, of: check, outcome, transaction)
                return (number, outcome)
            }
        }
        return found ?? nil
    }

    /// The upload that a version was stays as long as the version does.
    private func checkUpload(
        _ row: CheckedRow,
        of check: VersionCheck,
        _ outcome: VersionCheck.Outcome,
        _ transaction: MetadataTransaction
    ) throws {
        let bundleID = try outcome.record.map { Hex.encode($0.bundleID) } ?? row.text("bundle_id")
        let hasUpload = try transaction.hasUpload(
            bundleID: bundleID,
            model: check.model,
            version: check.number
        )
        if !hasUpload, !outcome.isDeleted {
            findings.fault(
                check.object,
                "upload",
                "is missing: there is no row of this bundle's id"
            )
        }
    }

    private func check(
        _ file: VersionRecord.File,
        of record: VersionRecord,
        key: SecretKey?,
        _ progress: @escaping @Sendable (UInt64) -> Void
    ) -> BlobCheck {
        BlobCheck(
            object: "model '\(record.model)', version \(record.version), file '\(file.path)'",
            file: file,
            context: BlobContext(
                registryID: registryID,
                model: record.model,
                bundleID: record.bundleID,
                path: file.path
            ),
            key: key,
            path: BlobFolders.path(
                of: file.sealedSHA256,
                in: verification.layout.blobsPath
            ),
            findings: findings,
            progress: progress
        )
    }

    private func checkUploads(
        _ checks: BlobChecks,
        _ referred: inout Referred,
        _ summary: inout VerificationSummary
    ) {
        let ids = findings.attempt("uploads", "") { try metadata.read { try $0.openUploadIDs() } }
        for id in ids ?? [] {
            summary.uploads += 1
            referred.uploads.insert(id)
            let check = UploadCheck(
                id: id,
                layout: verification.layout,
                metadata: metadata,
                registryID: registryID,
                keys: verification.keys,
                findings: findings,
                progress: { _ in }
            )
            let blobs = findings.attempt("upload \(id)", "") { try check.run(checks) }
            for blob in blobs ?? [] { referred.blobs.insert(BlobKey(blob)) }
        }
    }

    private func makeProgress() -> @Sendable (UInt64) -> Void {
        let total = (try? metadata.read { try $0.totalBytes() }) ?? 0
        let report = verification.report
        report(0, total)
        let counter = Counter()
        return { bytes in report(min(counter.add(bytes), total), total) }
    }
}

/// The places of all versions, a page at a time. Where a page of the table cannot be read, each
/// place after it is tried by itself, so that what lies behind is still found.
private struct VersionPlaces {
    let metadata: MetadataStore
    let findings: Findings
    private var last: Int64 = 0
    private var triesEach = false

    init(metadata: MetadataStore, findings: Findings) {
        self.metadata = metadata
        self.findings = findings
    }

    mutating func next() -> [Int64]? {
        let limit = Limits.verifyPageRows
        var page: [Int64] = []
        if !triesEach {
            let (metadata, last) = (metadata, last)
            let read = findings.attempt("database", "table versions") {
                try metadata.read { try $0.versionPlaces(after: last, limit: limit) }
            }
            page = read ?? []
            let isInOrder = zip([last] + page, page).allSatisfy { $0 < $1 }
            if !isInOrder {
                findings.fault("database", "table versions", "its rows are out of order")
            }
            triesEach = read == nil || !isInOrder
        }
        if triesEach {
            let end = (try? metadata.read { try $0.lastVersionPlace() }) ?? Int64(limit)
            guard last < end else { return nil }
            page = Array(last + 1...min(end, last + Int64(limit)))
        }
        guard let end = page.last else { return nil }
        last = end
        return page
    }
}

/// A count that threads add to.
final class Counter: Sendable {
    private let value = Atomic<UInt64>(0)

    /// The count with `bytes` added.
    func add(_ bytes: UInt64) -> UInt64 {
        value.wrappingAdd(bytes, ordering: .relaxed).newValue
    }
}
