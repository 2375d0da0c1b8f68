internal import Sealing

/// Puts right what a verification found, as far as that can be done without inventing anything:
/// moves damaged and stray files aside, rebuilds indexes, gives up what an open upload has lost,
/// and raises the second place. What is damaged stays damaged, and the next verification says so.
struct Repair {
    let verification: Verification
    let base: Verification.Base
    let clock: WallClock

    private var findings: Findings { verification.findings }
    private var layout: RegistryLayout { verification.layout }

    /// - Returns: How many things were done.
    func run() -> UInt64 {
        let plan = findings.plan.content
        var done: UInt64 = 0
        done += quarantine(plan)
        if plan.needsIndexes { done += rebuildIndexes() }
        done += changeRows(plan, done: done)
        if let sequence = plan.sequence { done += raise(to: sequence) }
        return done
    }

    // MARK: Files

    private func quarantine(_ plan: RepairPlan.Content) -> UInt64 {
        var done: UInt64 = 0
        for key in plan.damagedBlobs {
            let name = Hex.encode(key.digest)
            done += move("blobs/\(name.prefix(2))/\(name)", as: name)
        }
        for path in plan.strays.sorted() {
            done += move(path, as: path.split(separator: "/").joined(separator: "_"))
        }
        return done
    }

    /// Moves a file aside, under a name that is free.
    private func move(_ path: String, as name: String) -> UInt64 {
        let moved = findings.attempt("file \(path)", "quarantine") {
            let source = "\(layout.store)/\(path)"
            let target = try freeName(name)
            try StoreFolder.system.replace(source, to: "\(layout.quarantinePath)/\(target)")
            try StoreFolder.system.sync(layout.quarantinePath)
            try StoreFolder.system.sync(StoreFolder.parent(of: source))
            findings.repair("file \(path)", "", "moved to quarantine/\(target)")
            return true
        }
        return moved == nil ? 0 : 1
    }

    /// A name that nothing in the quarantine has.
    private func freeName(_ name: String) throws -> String {
        try StoreFolder.system.makeDurable(layout.quarantinePath)
        var target = name
        var number = 0
        while try StoreFolder.system.exists("\(layout.quarantinePath)/\(target)") {
            number += 1
            target = "\(name).\(number)"
        }
        return target
    }

    private func raise(to sequence: UInt64) -> UInt64 {
        let raised = findings.attempt("file sequence", "") {
            let file = SequenceFile(layout, steps: .none)
            // The event of this repair may have raised it already.
            guard let seen = try file.read(), seen < sequence else { return false }
            try file.write(sequence)
            findings.repair("file sequence", "", "raised from \(seen) to \(sequence)")
            return true
        }
        return raised == true ? 1 : 0
    }

    // MARK: Database

    private func rebuildIndexes() -> UInt64 {
        let done = findings.attempt("database", "indexes") {
            let metadata = try MetadataStore.openForRepair(layout.databasePath)
            do {
                try metadata.reindex()
            } catch {
                let isLogEmpty = try metadata.checkpoint()
                try metadata.close()
                try replaceDatabase(metadata.format, isLogEmpty: isLogEmpty)
                return true
            }
            defer { try? metadata.close() }
            let left = try metadata.read {
                try $0.integrityFindings(limit: Limits.maxNamedFindings)
            }
            findings.repair(
                "database",
                "indexes",
                left.isEmpty ? "rebuilt" : "rebuilt; \(left.count) findings are left"
            )
            return true
        }
        return done == nil ? 0 : 1
    }

    /// Puts a copy of all tables with new indexes in the database's place, and keeps the old one
    /// in quarantine. Only a whole copy takes its place.
    private func replaceDatabase(_ format: DatabaseFormat, isLogEmpty: Bool) throws {
        let path = layout.databasePath
        let copy = path + ".new"
        try MetadataStore.copy(path, to: copy, format)
        let copied = try MetadataStore.openForReading(copy)
        let left = try copied.read { try $0.integrityFindings(limit: 1) }
        try copied.close()
        // What is only in the log would be lost with it.
        guard left.isEmpty, isLogEmpty else {
            try StoreFolder.system.remove(copy)
            throw RegistryError(.dataLoss, "cannot be rebuilt", detail: left.joined())
        }
        let target = try freeName("registry.sqlite")
        try StoreFolder.system.addName(path, "\(layout.quarantinePath)/\(target)")
        try StoreFolder.system.sync(layout.quarantinePath)
        try StoreFolder.system.replace(copy, to: path)
        try StoreFolder.system.sync(layout.store)
        findings.repair("database", "indexes", "rebuilt; the old file is quarantine/\(target)")
    }

    /// Gives up what open uploads have lost, and records what this repair did. Only over a head
    /// that can be trusted: signing a new one makes all that it states good.
    private func changeRows(_ plan: RepairPlan.Content, done: UInt64) -> UInt64 {
        let isNeeded = done > 0 || !plan.lostUploads.isEmpty || !plan.lostFiles.isEmpty
        guard isNeeded else { return 0 }
        guard base.isHeadClean, let signing = base.signing else {
            findings.note(
                HeadCheck.object,
                "",
                "cannot be trusted or signed anew: no rows were changed, and no audit event "
                    + "records this repair"
            )
            return 0
        }
        let changed = findings.attempt("database", "repair") {
            let metadata = try MetadataStore.openForRepair(layout.databasePath)
            defer { try? metadata.close() }
            let check = StartCheck(metadata: metadata, keys: nil)
            let before = try check.catalogue(try check.storedHead(), dataVersion: nil)
            let (rows, sequence) = try metadata.write { transaction in
                if let difference = try transaction.schemaDifference() {
                    throw RegistryError(
                        .dataLoss,
                        "no rows were changed, and no audit event records this repair: "
                            + difference
                    )
                }
                var change = try Change(
                    transaction,
                    before: before,
                    signing: signing,
                    nowUnixMs: clock.nowUnixMs
                )
                let rows = try removeLost(plan, transaction)
                try change.log(
                    AuditAction.repair,
                    principal: AuditAction.serverPrincipal,
                    model: "",
                    detail: "\(done) repairs to files and indexes, \(rows) lost parts of uploads"
                )
                return (rows, try change.seal())
            }
            if let sequence {
                try SequenceFile(layout, steps: .none).write(sequence)
            }
            return rows
        }
        return changed ?? 0
    }

    private func removeLost(
        _ plan: RepairPlan.Content,
        _ transaction: MetadataTransaction
    ) throws -> UInt64 {
        var rows: UInt64 = 0
        for id in plan.lostUploads.sorted() {
            let bundle = try transaction.checkedUpload(id: id)?.text("bundle_id")
            try transaction.deleteUpload(id: id)
            if let bundle = bundle.flatMap(Hex.decode) {
                try transaction.deleteUploadKey(bundleID: bundle)
            }
            findings.repair("upload \(id)", "", "removed: its key is lost; publish it anew")
            rows += 1
        }
        for place in plan.lostFiles where !plan.lostUploads.contains(place.upload) {
            try transaction.deleteUploadFile(id: place.upload, index: Int(place.index))
            findings.repair(
                "upload \(place.upload)",
                "file \(place.index)",
                "is lost, and is to be sent again"
            )
            rows += 1
        }
        return rows
    }
}

extension Verification {
    /// Verifies, and then puts right what can be, as the one process that has the registry open.
    ///
    /// - Returns: What the verification before the repair saw, and how many faults are left.
    /// - Throws: `unavailable` while a server has the registry open; `resourceExhausted` while a
    ///   backup or a verification reads it.
    package func repair(clock: WallClock = .system) throws -> VerificationSummary {
        let lock = try StoreLock(layout)
        guard let lease = try StoreLease.tryExclusive(layout) else {
            throw RegistryError(
                .resourceExhausted,
                "a backup or a verification reads the store: try again when it is done"
            )
        }
        defer {
            withExtendedLifetime(lease) {}
            withExtendedLifetime(lock) {}
        }
        var summary = VerificationSummary()
        let base = check(&summary)
        finish(&summary)
        summary.repairs = Repair(verification: self, base: base, clock: clock).run()
        summary.faultsLeft = summary.faults
        if summary.repairs > 0 {
            let again = Verification(
                places: places,
                keys: keys.current,
                reopenKeys: keys.reopen,
                finding: { _ in }
            )
            var left = VerificationSummary()
            _ = again.check(&left)
            summary.faultsLeft = UInt64(again.findings.faults)
        }
        return summary
    }
}
