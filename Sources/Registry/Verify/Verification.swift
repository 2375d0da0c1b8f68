package import Platform
package import Sealing
internal import Synchronization

/// Reads everything that a registry holds and says what is wrong with it, object by object and
/// field by field. One damaged thing stops nothing else.
///
/// It may run while a server has the registry open: it reads the database in short snapshots, and
/// shares the store's lease, so that no blob is collected under it. It holds a few chunks and a
/// few numbers for each version and each file, never a whole file.
package struct Verification: Sendable {
    /// Where everything is.
    package struct Places: Sendable {
        let layout: RegistryLayout
        let keyFolder: String
        let judged: [JudgedPath]

        /// - Parameters:
        ///   - keyFolder: Of the signing key and its public half.
        ///   - judged: Files and folders besides whose kind, owner and mode are checked.
        package init(layout: RegistryLayout, keyFolder: String, judged: [JudgedPath] = []) {
            self.layout = layout
            self.keyFolder = keyFolder
            self.judged = judged
        }
    }

    let places: Places
    let keys: KeyRing
    let findings: Findings
    let report: @Sendable (_ done: UInt64, _ total: UInt64) -> Void
    private let keysFailure: String?

    var layout: RegistryLayout { places.layout }

    /// - Parameters:
    ///   - keys: nil: without keys; what needs none is checked.
    ///   - keysFailure: Why keys that should be there cannot be opened: a fault.
    ///   - reopenKeys: For a key that a rotation added meanwhile.
    ///   - progress: Told the plaintext bytes that were read, and how many there are.
    ///   - finding: Told each finding as it comes, from any thread, one at a time or not.
    package init(
        places: Places,
        keys: (any KeyProvider)?,
        keysFailure: String? = nil,
        reopenKeys: @escaping @Sendable () throws -> any KeyProvider,
        progress: @escaping @Sendable (_ done: UInt64, _ total: UInt64) -> Void = { _, _ in },
        finding: @escaping @Sendable (Finding) -> Void
    ) {
        self.places = places
        self.keys = KeyRing(keys, reopen: reopenKeys)
        self.keysFailure = keysFailure
        report = progress
        findings = Findings(finding)
    }

    /// Checks all of it.
    package func run() -> VerificationSummary {
        var summary = VerificationSummary()
        let lease = try? StoreLease(layout, isShared: true)
        if lease == nil {
            findings.note("file lease", "", "cannot be taken: a collection is not kept away")
        }
        withExtendedLifetime(lease) { _ = check(&summary) }
        finish(&summary)
        return summary
    }

    func finish(_ summary: inout VerificationSummary) {
        summary.withKeys = keys.isOpen
        summary.faults = UInt64(findings.faults)
        summary.notes = UInt64(findings.notes)
        summary.faultsLeft = summary.faults
    }

    /// Runs all checks; whoever calls holds the lease.
    func check(_ summary: inout VerificationSummary) -> Base {
        if let keysFailure { findings.fault("keys", "", keysFailure) }
        let store = StoreCheck(
            layout: layout,
            keyFolder: places.keyFolder,
            judged: places.judged,
            findings: findings
        )
        store.checkFiles()
        // Names first: what gets one from now on is not looked for among the rows.
        let blobNames = store.blobNames()
        let uploadNames = store.uploadNames()
        let sequence = store.sequence()
        guard let metadata = openDatabase() else {
            checkNames(blobNames, &summary)
            return Base()
        }
        defer { try? metadata.close() }
        checkDatabase(metadata)
        store.check(metadata.format)
        let base = checkBase(metadata)
        store.check(sequence: sequence, head: base.head)
        let log = AuditCheck(metadata: metadata, findings: findings)
            .run(last: base.head?.auditSequence)
        summary.events = log.events
        checkHistory(metadata, base, log)
        guard let registryID = base.registryID else {
            checkNames(blobNames, &summary)
            return base
        }
        let walk = VersionWalk(
            verification: self,
            metadata: metadata,
            base: base,
            registryID: registryID
        )
        let referred = walk.run(&summary)
        store.noteOrphans(blobNames, referred: referred.blobs)
        store.noteUploads(uploadNames, open: referred.uploads)
        return base
    }

    private func openDatabase() -> MetadataStore? {
        findings.attempt("database", "") {
            try MetadataStore.openForReading(layout.databasePath)
        }
    }

    /// SQLite's own checks.
    private func checkDatabase(_ metadata: MetadataStore) {
        let lines = findings.attempt("database", "integrity") {
            try metadata.read { try $0.integrityFindings(limit: Limits.maxNamedFindings) }
        }
        for line in lines ?? [] { findings.fault("database", "integrity", line) }
        if lines?.isEmpty != true { findings.plan.add { $0.needsIndexes = true } }
        _ = findings.attempt("database", "foreign keys") {
            for line in try metadata.read({
                try $0.foreignKeyFindings(limit: Limits.maxNamedFindings)
            }) {
                findings.fault("database", "foreign keys", line)
            }
        }
        SchemaCheck(metadata: metadata, findings: findings).run()
    }

    /// Without the database the names of blobs are all there is to compare them with.
    private func checkNames(_ names: [BlobKey], _ summary: inout VerificationSummary) {
        for key in names {
            let object = "blob \(Hex.encode(key.digest))"
            summary.files += 1
            findings.attempt(object, "sealed bytes") {
                let path = BlobFolders.path(of: key.digest, in: layout.blobsPath)
                guard try FileDigest(of: path)?.sha256 == key.digest else {
                    findings.plan.add { $0.damagedBlobs.insert(key) }
                    return findings.fault(object, "sealed SHA-256", "not its name")
                }
            }
        }
    }
}
