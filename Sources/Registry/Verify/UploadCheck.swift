internal import Sealing

/// Checks one open upload: its row, its key, and the files that are finished.
struct UploadCheck {
    let id: String
    let layout: RegistryLayout
    let metadata: MetadataStore
    let registryID: [UInt8]
    let keys: KeyRing
    let findings: Findings
    let progress: @Sendable (UInt64) -> Void

    private var object: String { "upload \(id)" }

    /// The blobs that it refers to.
    func run(_ checks: BlobChecks) throws -> [[UInt8]] {
        let rows = try metadata.read { transaction in
            let row = try transaction.checkedUpload(id: id)
            let bundle = row.flatMap { try? $0.text("bundle_id") } ?? ""
            return (
                upload: row, key: try transaction.checkedKey(bundleID: bundle),
                files: try transaction.checkedUploadFiles(id: id),
                version: try transaction.checkedVersion(bundleID: bundle)
            )
        }
        // It was committed or dropped meanwhile.
        guard let upload = rows.upload else { return [] }
        if let version = rows.version {
            let place =
                "model '\(try version.text("model"))', version "
                + "\(try version.integer("version"))"
            findings.fault(object, "column version", "none, and \(place) has its bundle")
            return []
        }
        let contents = UploadContents(upload, object, findings)
        for column in ["alias", "alias_generation"] where !upload.isNull(column) {
            findings.fault(object, "column \(column)", "is set, and the upload is open")
        }
        let place = findings.attempt(object, "") {
            (
                model: try upload.text("model"),
                bundle: try upload.hex("bundle_id", byteCount: SealingLimits.idBytes)
            )
        }
        guard let place, let files = contents.files else {
            return rows.files.compactMap { try? $0.hex("sealed_sha256") }
        }
        let key = KeyRowCheck(
            object: object,
            model: place.model,
            bundleID: place.bundle,
            registryID: registryID,
            keys: keys,
            findings: findings
        ).run(rows.key)
        contents.check(key)
        let mac = key.flatMap { try? UploadMAC(dataKey: $0, bundleID: place.bundle) }
        if isLost(rows.key, key) { findings.plan.add { $0.lostUploads.insert(id) } }
        var blobs: [[UInt8]] = []
        for row in rows.files {
            guard let file = findings.attempt(object, "", { try self.file(row, files) })
            else { continue }
            if let mac { checkCode(row, file, mac) }
            blobs.append(file.sealedSHA256)
            let context = BlobContext(
                registryID: registryID,
                model: place.model,
                bundleID: place.bundle,
                path: file.path
            )
            checks.add(check(file, context, key, index: try? row.unsigned("file_index")))
        }
        return blobs
    }

    /// Compares the row of a finished file with its code; a row of format 1 has none.
    private func checkCode(_ row: CheckedRow, _ file: VersionRecord.File, _ mac: UploadMAC) {
        guard row.values["mac"] != nil else { return }
        _ = findings.attempt("\(object), file '\(file.path)'", "") {
            let stored = StoredFileRow(
                file: StoredFile(
                    sha256: file.sha256,
                    sealedBytes: file.sealedBytes,
                    sealedSHA256: file.sealedSHA256,
                    commitment: file.commitment
                ),
                mac: try row.hex("mac", byteCount: Digest.byteCount)
            )
            let index = Int(clamping: try row.unsigned("file_index"))
            guard try !mac.holds(for: stored, index: index, upload: id) else { return }
            findings.fault(
                "\(object), file '\(file.path)'",
                "column mac",
                "does not hold: the row is not the one of the file that was sealed"
            )
        }
    }

    private func check(
        _ file: VersionRecord.File,
        _ context: BlobContext,
        _ key: SecretKey?,
        index: UInt64?
    ) -> BlobCheck {
        BlobCheck(
            object: "\(object), file '\(file.path)'",
            file: file,
            context: context,
            key: key,
            path: BlobFolders.path(of: file.sealedSHA256, in: layout.blobsPath),
            findings: findings,
            progress: progress,
            uploadPlace: index.map { RepairPlan.UploadPlace(upload: id, index: $0) },
            isStillNeeded: { [metadata, id] in
                // A file that is sent again, and an upload that ends, drop their blobs.
                let rows = try? metadata.read { try $0.checkedUploadFiles(id: id) }
                return rows?.contains {
                    (try? $0.hex("sealed_sha256")) == file.sealedSHA256
                } ?? true
            }
        )
    }

    /// Whether the key is gone for good; not where a key-encryption key is only missing here.
    private func isLost(_ row: CheckedRow?, _ key: SecretKey?) -> Bool {
        guard let row else { return true }
        guard key == nil, let provider = keys.current else { return false }
        guard let kekID = try? row.text("kek_id") else { return true }
        return provider.keyIDs.contains(kekID)
    }

    /// A finished file as a record would state it. One past the request's is the card that the
    /// server writes, whose size follows from its blob's.
    private func file(_ row: CheckedRow, _ files: [BundleFile]) throws -> VersionRecord.File {
        let index = try row.unsigned("file_index")
        let sealedBytes = try row.unsigned("sealed_bytes")
        let overhead = UInt64(BlobLayout.headerBytes + Limits.tagBytes)
        let isOwn = index == UInt64(files.count) && !files.contains { $0.path == Card.path }
        guard index < UInt64(files.count) || isOwn else {
            throw CheckedRow.ColumnFault(column: "file_index", problem: "out of range")
        }
        guard sealedBytes >= overhead else {
            throw CheckedRow.ColumnFault(column: "sealed_bytes", problem: "out of range")
        }
        return VersionRecord.File(
            path: isOwn ? Card.path : files[Int(index)].path,
            size: isOwn ? sealedBytes - overhead : files[Int(index)].size,
            sha256: try row.hex("sha256", byteCount: Digest.byteCount),
            sealedBytes: sealedBytes,
            sealedSHA256: try row.hex("sealed_sha256", byteCount: Digest.byteCount),
            commitment: try row.hex("commitment", byteCount: Digest.byteCount)
        )
    }
}
