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
        var last = (model: "", version: Int64.min)
        while true {
            let page = findings.attempt("database", "table versions") {
                try metadata.read {
                    try $0.versionKeys(after: last, limit: Limits.verifyPageRows)
                }
            }
            guard let page, let end = page.last else { break }
            for key in page {
                summary.versions += 1
                let outcome = check(key.model, key.version)
                guard let record = outcome?.record else {
                    chain.addUnread(statedSHA256: outcome?.statedSHA256)
                    continue
                }
                chain.add(record, sha256: outcome?.recordSHA256 ?? [], version: key.version)
                guard outcome?.isDeleted == false else { continue }
                for file in record.files {
                    referred.blobs.insert(BlobKey(file.sealedSHA256))
                    summary.files += 1
                    summary.bytes &+= file.size
                    checks.add(check(file, of: record, key: outcome?.dataKey, progress))
                }
            }
            last = end
        }
        chain.check(head: base.head, findings)
        checkUploads(checks, &referred, &summary)
        checks.finish()
        return referred
    }

    /// Checks one version's rows.
    func check(_ model: String, _ version: Int64) -> VersionCheck.Outcome? {
        let check = VersionCheck(
            model: model,
            number: version,
            registryID: registryID,
            publicKey: base.publicKey,
            keys: verification.keys,
            cardKey: base.cardKey,
            findings: findings
        )
        let outcome = findings.attempt(check.object, "row") {
            try metadata.read { transaction -> VersionCheck.Outcome? in
                guard
                    let row = try transaction.checkedVersion(model: model, version: version)
                else { return nil }
                return check.run(row) { try transaction.checkedKey(bundleID: $0) }
            }
        }
        if let outcome, outcome == nil { findings.fault(check.object, "row", "cannot be found") }
        return outcome ?? nil
    }

    func check(
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

/// A count that threads add to.
final class Counter: Sendable {
    private let value = Atomic<UInt64>(0)

    /// The count with `bytes` added.
    func add(_ bytes: UInt64) -> UInt64 {
        value.wrappingAdd(bytes, ordering: .relaxed).newValue
    }
}
