internal import Sealing

/// Reads one sealed file from its first byte to its last and compares all of it with what was
/// signed. Holds one chunk at a time.
struct BlobCheck: Sendable {
    /// More chunks of one file than this are counted and not named.
    private static let maxNamedChunks = 16

    let object: String
    let file: VersionRecord.File
    let context: BlobContext
    /// nil: without keys.
    let key: SecretKey?
    let path: String
    let findings: Findings
    let progress: @Sendable (_ bytes: UInt64) -> Void
    /// Asked before anything is reported: false where the file is not needed any more.
    /// Set for a finished file of an open upload.
    var uploadPlace: RepairPlan.UploadPlace?
    var isStillNeeded: @Sendable () -> Bool = { true }

    func run() {
        do {
            try check()
        } catch let error as Stop {
            report(error.field, error.problem)
        } catch let error as RegistryError {
            report("sealed bytes", "cannot be read: \(error.description)")
        } catch {
            report("sealed bytes", "\(error)")
        }
    }

    private struct Stop: Error {
        let field: String
        let problem: String
    }

    private func report(_ field: String, _ problem: String) {
        if isStillNeeded() { findings.fault(object, field, problem) }
    }

    private func lose() {
        if let uploadPlace { findings.plan.add { $0.lostFiles.insert(uploadPlace) } }
    }

    private func check() throws {
        // Not opened before it is known to be a file: opening a pipe would wait for ever.
        guard StoreFolder.isFile(path), let stored = try StoreFile.reading(path, SystemCalls())
        else {
            lose()
            throw Stop(
                field: "sealed file",
                problem: "\(Hex.encode(file.sealedSHA256)) is missing"
            )
        }
        let byteCount = try stored.byteCount()
        var isFaulty = false
        if byteCount != file.sealedBytes {
            isFaulty = true
            report("sealed size", "\(byteCount) bytes, expected \(file.sealedBytes)")
        }
        let expected = try BlobInspection.Expectation(
            context: context,
            plaintextBytes: file.size,
            chunkLog2: Limits.chunkLog2,
            commitment: file.commitment
        )
        var header = [UInt8](
            repeating: 0,
            count: Int(min(UInt64(BlobLayout.headerBytes), byteCount))
        )
        try header.withMutableRawBytes { bytes in try stored.read(into: &bytes, at: 0) }
        let inspection = try BlobInspection(header: header, expected: expected, key: key)
        for fault in inspection.faults {
            isFaulty = true
            report(fault.field, fault.problem)
        }
        let sealed = SHA256Hasher()
        sealed.update(header)
        let plaintext = try readChunks(
            stored,
            byteCount: byteCount,
            opener: inspection.opener,
            sealed: sealed
        )
        isFaulty = isFaulty || plaintext.isFaulty
        if sealed.finalize() != file.sealedSHA256 {
            lose()
            findings.plan.add { $0.damagedBlobs.insert(BlobKey(file.sealedSHA256)) }
            if !isFaulty {
                report("sealed SHA-256", "not the one that was signed and that is its name")
            }
        }
        if let digest = plaintext.sha256, digest != file.sha256 {
            report("plaintext SHA-256", "not the one that was signed")
        }
    }

    private func readChunks(
        _ stored: borrowing StoreFile,
        byteCount: UInt64,
        opener: BlobOpener?,
        sealed: SHA256Hasher
    ) throws -> (isFaulty: Bool, sha256: [UInt8]?) {
        let layout = try BlobLayout(plaintextBytes: file.size, chunkLog2: Limits.chunkLog2)
        let plain = SHA256Hasher()
        let room = try SecretBuffer(byteCount: Int(min(UInt64(layout.chunkBytes), file.size)))
        var buffer: [UInt8] = []
        var bad: [UInt64] = []
        var index: UInt64 = 0
        var offset = UInt64(BlobLayout.headerBytes)
        while offset < byteCount {
            let isChunk = index < layout.chunkCount
            let wanted =
                isChunk
                ? layout.sealedRange(ofChunk: index).count : layout.chunkBytes
            let count = Int(min(UInt64(wanted), byteCount - offset))
            if buffer.count != count { buffer = [UInt8](repeating: 0, count: count) }
            try buffer.withMutableRawBytes { bytes in try stored.read(into: &bytes, at: offset) }
            sealed.update(buffer)
            if isChunk, let opener {
                if count == wanted, open(index, buffer, opener, into: room) {
                    let bytes = layout.plaintextBytes(ofChunk: index)
                    room.withBytes { plain.update($0.extracting(0..<bytes)) }
                } else {
                    bad.append(index)
                    if bad.count <= Self.maxNamedChunks {
                        report(
                            "chunk \(index)",
                            count == wanted
                                ? "its tag does not hold"
                                : "\(count) bytes, expected \(wanted)"
                        )
                    }
                }
            }
            if isChunk { progress(UInt64(layout.plaintextBytes(ofChunk: index))) }
            offset += UInt64(count)
            index += 1
        }
        if bad.count > Self.maxNamedChunks {
            report("chunks", "\(bad.count - Self.maxNamedChunks) more do not open")
        }
        let isWhole = opener != nil && bad.isEmpty && index >= layout.chunkCount
        return (!bad.isEmpty, isWhole ? plain.finalize() : nil)
    }

    private func open(
        _ index: UInt64,
        _ sealed: [UInt8],
        _ opener: BlobOpener,
        into room: SecretBuffer
    ) -> Bool {
        do {
            try sealed.withRawBytes { bytes in
                try opener.openChunk(index: index, sealed: bytes, into: room, at: 0)
            }
            return true
        } catch {
            return false
        }
    }
}
