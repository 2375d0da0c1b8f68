internal import NIOCore
package import Sealing
internal import Text
internal import Wire

/// A version whose files were written to a folder.
package struct ExportedVersion: Sendable, Equatable {
    package let version: UInt64
    package let files: Int
    /// Of all files.
    package let bytes: UInt64
    /// Of the signed record that the files were compared with.
    package let recordSHA256: [UInt8]
}

extension StrongroomClient {
    /// Bytes that one call asks for: the most that it may.
    private static let chunkBytes: UInt64 = 1 << 20
    /// Chunks that are under way or wait for one before them: what bounds the memory.
    private static let chunksInFlight: UInt64 = 4

    /// Writes the files of a version to a folder, each compared with its SHA-256 in the version's
    /// signed record. A failed or cancelled export leaves nothing.
    /// - Parameters:
    ///   - folder: a path at which nothing is, or an empty folder.
    ///   - signingKey: the registry's; checks the record's signature. Nil: it is not checked.
    ///   - progress: bytes that are written, and bytes in all.
    /// - Throws: ``StrongroomError``: `DATA_LOSS` for bytes or a record that are not the ones that
    ///   were signed, `FAILED_PRECONDITION` for a folder that cannot be made or written.
    package func export(
        model: String,
        version: UInt64,
        to folder: String,
        signingKey: VerifyingKey?,
        progress: @Sendable (_ written: UInt64, _ total: UInt64) -> Void = { _, _ in }
    ) async throws -> ExportedVersion {
        let output = try ExportFolder(folder)
        do {
            let stored: V1.GetVersionResponse = try await call(
                "Registry",
                "GetVersion",
                V1.GetVersionRequest(model: model, version: version, pageSize: 1)
            )
            if let signingKey {
                guard signingKey.verify(signature: stored.recordSignature, over: stored.record)
                else {
                    throw StrongroomError(
                        .dataLoss,
                        "the signature of version \(version)'s record does not hold, or is another "
                            + "registry's"
                    )
                }
            }
            let record = try SignedRecord(stored.record, model: model, version: version)
            var written: UInt64 = 0
            progress(written, record.bytes)
            for file in record.files {
                let target = try output.create(file.path)
                try await download(file, of: model, version, to: target) { bytes in
                    written += bytes
                    progress(written, record.bytes)
                }
                try target.finish()
            }
            try Task.checkCancellation()
            try output.finish()
            return ExportedVersion(
                version: version,
                files: record.files.count,
                bytes: record.bytes,
                recordSHA256: Digest.sha256(stored.record)
            )
        } catch {
            output.discard()
            throw error
        }
    }

    /// Reads a file in pieces that come in any order, and writes them in theirs.
    private func download(
        _ file: SignedRecord.File,
        of model: String,
        _ version: UInt64,
        to target: ExportFile,
        written: (UInt64) -> Void
    ) async throws {
        let hasher = SHA256Hasher()
        try await withThrowingTaskGroup(of: (UInt64, ByteBuffer).self) { group in
            var asked: UInt64 = 0
            var done: UInt64 = 0
            var waiting: [UInt64: ByteBuffer] = [:]
            while done < file.size {
                while asked < file.size, asked - done < Self.chunksInFlight * Self.chunkBytes {
                    let offset = asked
                    let length = min(Self.chunkBytes, file.size - offset)
                    group.addTask {
                        let request = V1.ReadFileRequest(
                            model: model,
                            version: version,
                            path: file.path,
                            offset: offset,
                            length: UInt32(length)
                        )
                        return (offset, try await self.read(request))
                    }
                    asked += length
                }
                guard let (offset, data) = try await group.next() else { break }
                waiting[offset] = data
                while let data = waiting.removeValue(forKey: done) {
                    let bytes = data.readableBytesSpan
                    hasher.update(bytes)
                    try target.write(bytes)
                    done += UInt64(bytes.byteCount)
                    written(UInt64(bytes.byteCount))
                }
            }
        }
        guard hasher.finalize() == file.sha256 else {
            throw StrongroomError(
                .dataLoss,
                "file \(quoted(file.path)): its SHA-256 is not the one that was signed"
            )
        }
    }

    private func read(_ request: V1.ReadFileRequest) async throws -> ByteBuffer {
        let reply: V1.ReadFileResponse = try await call("Registry", "ReadFile", request)
        guard reply.data.readableBytes == Int(request.length) else {
            throw StrongroomError(
                .dataLoss,
                "file \(quoted(request.path)): \(reply.data.readableBytes) bytes came at "
                    + "\(request.offset), expected \(request.length)"
            )
        }
        return reply.data
    }
}
