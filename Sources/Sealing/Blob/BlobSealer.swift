internal import Synchronization

/// Seals one file, chunk after chunk.
///
/// Each chunk index is sealed at most once, whatever calls from whichever threads: an index is
/// taken under a lock before its chunk is encrypted, and one that failed ends the sealer. Writing
/// that starts anew needs a new sealer, and with it a new salt.
package final class BlobSealer: Sendable {
    /// The blob's first 160 bytes, to be written before the first chunk.
    package let header: [UInt8]
    /// Where the chunks lie.
    package let layout: BlobLayout
    /// What the header states of the key; the version record signs it.
    package let commitment: [UInt8]

    private let cipher: ChunkCipher
    private let state = Mutex(State.next(0))

    private enum State {
        case next(UInt64)
        case failed
    }

    /// A sealer for a file of `plaintextBytes` bytes under a version's data key.
    ///
    /// - Throws: `limit` for a length or chunk size outside the format's range, `randomness`.
    package convenience init(
        key: SecretKey,
        context: BlobContext,
        plaintextBytes: UInt64,
        chunkLog2: UInt8 = SealingLimits.defaultChunkLog2
    ) throws(SealingError) {
        let layout = try BlobLayout(plaintextBytes: plaintextBytes, chunkLog2: chunkLog2)
        try self.init(key: key, start: try BlobHeader(layout: layout, context: context))
    }

    /// A sealer with a given start of a header, whose salt was never used before.
    init(key: SecretKey, start: BlobHeader) throws(SealingError) {
        var bytes = start.derivedBytes
        let keys = try BlobKeys(dataKey: key, salt: start.salt, derivedBytes: bytes)
        bytes += keys.commitment
        bytes += try keys.mac(over: bytes)
        header = bytes
        layout = start.layout
        commitment = keys.commitment
        cipher = ChunkCipher(
            key: keys.encryption,
            noncePrefix: start.noncePrefix,
            header: bytes
        )
    }

    /// The bytes of the blob of a file, header and tags included.
    ///
    /// - Throws: `limit` for a length or chunk size outside the format's range.
    package static func sealedBytes(
        plaintextBytes: UInt64,
        chunkLog2: UInt8 = SealingLimits.defaultChunkLog2
    ) throws(SealingError) -> UInt64 {
        try BlobLayout(plaintextBytes: plaintextBytes, chunkLog2: chunkLog2).sealedBytes
    }

    /// The index of the chunk that ``seal(_:)-(RawSpan)`` takes next; the chunk count when all
    /// are sealed, nil when the sealer has failed.
    package var nextChunk: UInt64? {
        state.withLock { state in
            switch state {
            case .next(let index): index
            case .failed: nil
            }
        }
    }

    /// Whether every chunk is sealed. An empty file too has one chunk to seal, an empty one.
    package var isComplete: Bool { nextChunk == layout.chunkCount }

    /// The next chunk's ciphertext and tag. Every chunk but the last is full.
    ///
    /// - Throws: `format` for a chunk of a wrong length (the sealer goes on) or one past the
    ///   last; `internalFailure` when OpenSSL fails, and then at every later call.
    package func seal(_ chunk: RawSpan) throws(SealingError) -> [UInt8] {
        let index = try takeIndex(byteCount: chunk.byteCount)
        do {
            return try cipher.seal(
                chunk,
                index: UInt32(index),
                isLast: index == layout.chunkCount - 1
            )
        } catch {
            state.withLock { $0 = .failed }
            throw error
        }
    }

    /// Writes the next chunk's ciphertext and tag to `output`, which must have room for exactly
    /// both. As ``seal(_:)-(RawSpan)`` otherwise.
    package func seal(
        _ chunk: RawSpan,
        into output: inout MutableRawSpan
    ) throws(SealingError) {
        let index = try takeIndex(byteCount: chunk.byteCount)
        do {
            try cipher.seal(
                chunk,
                index: UInt32(index),
                isLast: index == layout.chunkCount - 1,
                into: &output
            )
        } catch {
            state.withLock { $0 = .failed }
            throw error
        }
    }

    /// The next chunk's ciphertext and tag, as for a span.
    package func seal(_ chunk: [UInt8]) throws(SealingError) -> [UInt8] {
        try chunk.withRawSpan { (chunk: RawSpan) throws(SealingError) in try seal(chunk) }
    }

    private func takeIndex(byteCount: Int) throws(SealingError) -> UInt64 {
        try state.withLock { (state: inout State) throws(SealingError) in
            guard case .next(let index) = state else {
                throw SealingError(.internalFailure, "this blob's sealing has failed before")
            }
            guard index < layout.chunkCount else {
                throw SealingError(
                    .format,
                    "all \(layout.chunkCount) chunks of this blob are sealed"
                )
            }
            let expected = layout.plaintextBytes(ofChunk: index)
            guard byteCount == expected else {
                throw SealingError(
                    .format,
                    "chunk \(index) has \(byteCount) bytes; expected \(expected)"
                )
            }
            state = .next(index + 1)
            return index
        }
    }
}
