internal import Sealing
internal import Synchronization

/// Opens all chunks of one sealed file into one buffer, and hashes the plaintext meanwhile if that
/// is wanted.
///
/// Each thread takes the next chunk, reads it to where its plaintext will be and opens it there;
/// after each, whoever finds chunks that are open and come next hashes them, one thread at a
/// time, in order. So one thread does all by turns, and with two one hashes while the other reads
/// and opens. No thread ever waits for another.
final class WholeFileOpening: Sendable {
    private let opener: BlobOpener
    private let reader: any BlobReader
    private let buffer: SecretBuffer
    private let progress: Mutex<Progress>
    private let hashes: Bool
    /// Its lock is the right to hash.
    private let hasher = Mutex(SHA256Hasher())

    private struct Progress {
        /// The chunk that is taken next.
        var next: UInt64 = 0
        /// Which chunks are open.
        var isOpen: [Bool]
        /// The chunk that is hashed next.
        var hashed: UInt64 = 0
        /// What went wrong with the first chunk that did not open.
        var failure: (index: UInt64, error: any Error)?
    }

    /// - Parameters:
    ///   - buffer: Where the plaintext goes; it has the plaintext's size.
    ///   - hashes: Whether its SHA-256 is taken.
    init(
        _ opener: BlobOpener,
        reader: any BlobReader,
        into buffer: SecretBuffer,
        hashes: Bool
    ) {
        self.hashes = hashes
        self.opener = opener
        self.reader = reader
        self.buffer = buffer
        let isOpen = [Bool](repeating: false, count: Int(opener.chunkCount))
        progress = Mutex(Progress(isOpen: isOpen))
    }

    /// Does it, once, on so many threads, and answers the plaintext's SHA-256, or `nil` if it is
    /// not taken.
    ///
    /// - Throws: What reading or opening the first bad chunk threw.
    func run(threads: Int) throws -> [UInt8]? {
        let useful = Int(min(UInt64(max(threads, 1)), opener.chunkCount))
        JoinedThreads.run(count: useful) { self.work() }
        if let failure = progress.withLock({ $0.failure }) { throw failure.error }
        return hashes ? hasher.withLock { $0.finalize() } : nil
    }

    private func work() {
        while let index = takeChunk() {
            do {
                try open(index)
            } catch {
                return fail(at: index, error)
            }
            progress.withLock { $0.isOpen[Int(index)] = true }
            if hashes { hashWhatIsOpen() }
        }
    }

    /// The next chunk, unless all are taken or one failed.
    private func takeChunk() -> UInt64? {
        progress.withLock { progress in
            guard progress.failure == nil, progress.next < opener.chunkCount else { return nil }
            defer { progress.next += 1 }
            return progress.next
        }
    }

    /// Until the tag holds, what lies in the buffer is ciphertext, or has been wiped.
    private func open(_ index: UInt64) throws {
        let sealed = opener.layout.sealedRange(ofChunk: index)
        let start = Int(index) * opener.chunkBytes
        let count = opener.layout.plaintextBytes(ofChunk: index)
        var tag = [UInt8](repeating: 0, count: BlobLayout.tagBytes)
        try buffer.withMutableBytes(start..<start + count) { bytes in
            try reader.read(into: &bytes, at: sealed.lowerBound)
            try tag.withMutableRawBytes { tag in
                try reader.read(into: &tag, at: sealed.lowerBound + UInt64(count))
            }
            try opener.openChunk(index: index, inPlace: &bytes, tag: tag)
        }
    }

    /// Chunks are taken in order and every one that was taken is tried: the failure of the lowest
    /// index is the same one however many threads there are.
    private func fail(at index: UInt64, _ error: any Error) {
        progress.withLock { progress in
            if let failure = progress.failure, failure.index < index { return }
            progress.failure = (index, error)
        }
    }

    /// Hashes the chunks whose turn it is, unless another thread does: that one looks again after
    /// it has given up the lock, so that none is forgotten.
    private func hashWhatIsOpen() {
        while chunkToHash != nil {
            let isMine: Void? = hasher.withLockIfAvailable { hasher in
                while let index = chunkToHash {
                    let start = Int(index) * opener.chunkBytes
                    let end = start + opener.layout.plaintextBytes(ofChunk: index)
                    buffer.withBytes { hasher.update($0.extracting(start..<end)) }
                    progress.withLock { $0.hashed = index + 1 }
                }
            }
            guard isMine != nil else { return }
        }
    }

    private var chunkToHash: UInt64? {
        progress.withLock { progress in
            let index = progress.hashed
            guard index < progress.isOpen.count, progress.isOpen[Int(index)] else { return nil }
            return index
        }
    }
}
