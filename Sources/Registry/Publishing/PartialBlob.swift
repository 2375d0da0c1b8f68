internal import Sealing

/// A blob that is being sealed, chunk after chunk, and hashed on both sides of the seal.
///
/// Unchecked: it is made, used and dropped under the lock of its ``UploadFile``, and nothing else
/// refers to it.
final class PartialBlob: @unchecked Sendable {
    private let sealer: BlobSealer
    private let writer: any BlobWriter
    private let plain = SHA256Hasher()
    private let sealed = SHA256Hasher()
    /// The first plaintext byte that is not sealed yet.
    private(set) var nextOffset: UInt64 = 0

    /// Begins a blob under a new salt, with its header written.
    init(index: Int, file: BundleFile, of upload: Upload, blobs: any BlobStore) throws {
        sealer = try BlobSealer(
            key: upload.dataKey,
            context: BlobContext(
                registryID: upload.registryID,
                model: upload.stored.model,
                bundleID: upload.stored.bundleID,
                path: file.path
            ),
            plaintextBytes: file.size,
            chunkLog2: Limits.chunkLog2
        )
        writer = try blobs.create(upload: upload.stored.id, index: index)
        do {
            try sealer.header.withRawBytes { try writer.append($0) }
        } catch {
            writer.discard()
            throw error
        }
        sealed.update(sealer.header)
    }

    /// Whether every chunk is there.
    var isComplete: Bool { sealer.isComplete }

    /// Seals and writes the next chunk. After a failure the blob cannot go on: its chunk's index
    /// is used up, and an index is sealed at most once under a salt.
    func append(_ bytes: RawSpan) throws {
        let chunk = try sealer.seal(bytes)
        try chunk.withRawBytes { try writer.append($0) }
        plain.update(bytes)
        sealed.update(chunk)
        nextOffset += UInt64(bytes.byteCount)
    }

    /// What a complete blob is to be recorded as. Asked once.
    func sealedFile() -> StoredFile {
        StoredFile(
            sha256: plain.finalize(),
            sealedBytes: sealer.layout.sealedBytes,
            sealedSHA256: sealed.finalize(),
            commitment: sealer.commitment
        )
    }

    /// Makes the blob durable under its digest.
    func finish(_ file: StoredFile) throws {
        try writer.finish(digest: file.sealedSHA256)
    }

    /// Drops what was written.
    func discard() {
        writer.discard()
    }
}
