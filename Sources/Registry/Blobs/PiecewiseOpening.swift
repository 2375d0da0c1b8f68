internal import Sealing
internal import Synchronization

/// Opens all chunks of one sealed file in order and hands the plaintext on, without holding all of
/// it: two windows of some chunks each are in memory.
///
/// While one window is handed on and hashed by one thread, the others open the next one. A chunk is
/// handed on only after its tag held.
final class PiecewiseOpening: Sendable {
    /// Plaintext bytes of a window; at least one chunk.
    private static let windowBytes = 8 << 20

    private let opener: BlobOpener
    private let reader: any BlobReader
    /// nil: no digest is taken.
    private let hasher: Mutex<SHA256Hasher>?
    private let state = Mutex(State())

    private struct State {
        /// Whether the window before the present one waits to be handed on.
        var isToHandOn = false
        /// Whether no more is wanted.
        var isOver = false
        var failure: (any Error)?
    }

    /// - Parameter hashes: Whether the plaintext's SHA-256 is taken.
    init(_ opener: BlobOpener, reader: any BlobReader, hashes: Bool) {
        self.opener = opener
        self.reader = reader
        hasher = hashes ? Mutex(SHA256Hasher()) : nil
    }

    /// Opens all, once.
    ///
    /// - Parameters:
    ///   - threads: Threads that open chunks, the caller's among them.
    ///   - take: Gets the plaintext in order, on one thread at a time; false: no more is wanted.
    /// - Returns: Whether all was handed on.
    /// - Throws: The error of reading, or of opening a bad chunk.
    func run(
        threads: Int,
        _ take: @escaping @Sendable (RawSpan) -> Bool
    ) throws -> Bool {
        var spare: SecretBuffer?
        var previous: Window?
        var first: UInt64 = 0
        while first < opener.chunkCount || previous != nil {
            let current = try window(from: first, &spare)
            try open(current, handingOn: previous, threads: threads, take)
            guard !state.withLock({ $0.isOver }) else { return false }
            spare = previous?.buffer
            previous = current
            first = current?.chunks.upperBound ?? first
        }
        return true
    }

    /// The plaintext's SHA-256 once all was handed on; nil if it is not taken.
    var digest: [UInt8]? { hasher?.withLock { $0.finalize() } }

    private func window(from first: UInt64, _ spare: inout SecretBuffer?) throws -> Window? {
        guard first < opener.chunkCount else { return nil }
        let count = UInt64(max(1, Self.windowBytes / opener.chunkBytes))
        let chunks = first..<min(first + count, opener.chunkCount)
        let bytes = chunks.reduce(0) { $0 + opener.layout.plaintextBytes(ofChunk: $1) }
        let buffer = try spare ?? SecretBuffer(byteCount: bytes)
        spare = nil
        return Window(chunks, buffer, byteCount: bytes)
    }

    /// Opens a window while the one before is handed on.
    private func open(
        _ window: Window?,
        handingOn previous: Window?,
        threads: Int,
        _ take: @escaping @Sendable (RawSpan) -> Bool
    ) throws {
        state.withLock { $0.isToHandOn = previous != nil }
        JoinedThreads.run(count: window == nil ? 1 : threads) { [self] in
            let isMine = state.withLock { state in
                defer { state.isToHandOn = false }
                return state.isToHandOn
            }
            if isMine, let previous { handOn(previous, take) }
            if let window { open(window) }
        }
        if let error = state.withLock({ $0.failure }) { throw error }
    }

    private func handOn(_ window: Window, _ take: (RawSpan) -> Bool) {
        let isWanted = window.buffer.withBytes { bytes in
            let plaintext = bytes.extracting(0..<window.byteCount)
            guard take(plaintext) else { return false }
            hasher?.withLock { $0.update(plaintext) }
            return true
        }
        if !isWanted { state.withLock { $0.isOver = true } }
    }

    private func open(_ window: Window) {
        while let index = window.takeChunk() {
            do {
                try open(index, of: window)
            } catch {
                return state.withLock { $0.failure = $0.failure ?? error }
            }
        }
    }

    /// Until the tag holds, what lies in the buffer is ciphertext, or has been wiped.
    private func open(_ index: UInt64, of window: Window) throws {
        let sealed = opener.layout.sealedRange(ofChunk: index)
        let start = Int(index - window.chunks.lowerBound) * opener.chunkBytes
        let count = opener.layout.plaintextBytes(ofChunk: index)
        var tag = [UInt8](repeating: 0, count: BlobLayout.tagBytes)
        try window.buffer.withMutableBytes(start..<start + count) { bytes in
            try reader.read(into: &bytes, at: sealed.lowerBound)
            try tag.withMutableRawBytes { tag in
                try reader.read(into: &tag, at: sealed.lowerBound + UInt64(count))
            }
            try opener.openChunk(index: index, inPlace: &bytes, tag: tag)
        }
    }

    /// A run of chunks, and the place of their plaintext.
    private final class Window: Sendable {
        let chunks: Range<UInt64>
        let buffer: SecretBuffer
        let byteCount: Int
        private let next: Mutex<UInt64>

        init(_ chunks: Range<UInt64>, _ buffer: SecretBuffer, byteCount: Int) {
            self.chunks = chunks
            self.buffer = buffer
            self.byteCount = byteCount
            next = Mutex(chunks.lowerBound)
        }

        /// The next chunk that nobody has taken; nil: all are.
        func takeChunk() -> UInt64? {
            next.withLock { next in
                guard next < chunks.upperBound else { return nil }
                defer { next += 1 }
                return next
            }
        }
    }
}
