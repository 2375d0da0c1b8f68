internal import Sealing
internal import Synchronization
internal import Text

/// One file of an upload. Its chunks come in order; different files take chunks at once, since
/// each has its own lock.
final class UploadFile: Sendable {
    let index: Int
    let file: BundleFile
    private let state: Mutex<State>

    private enum State {
        /// Nothing is held.
        case empty
        /// Some chunks are sealed.
        case partial(PartialBlob)
        /// All chunks are sealed, synced and named.
        case finished(StoredFile)
    }

    /// A file of which nothing is held, or all of it.
    init(index: Int, file: BundleFile, finished: StoredFile?) {
        self.index = index
        self.file = file
        state = Mutex(finished.map { .finished($0) } ?? .empty)
    }

    /// The first byte that is not held.
    var nextOffset: UInt64 {
        state.withLock { nextOffset(in: $0) }
    }

    /// What was stored; `nil` while chunks are missing.
    var stored: StoredFile? {
        state.withLock { state in
            if case .finished(let stored) = state { stored } else { nil }
        }
    }

    /// Takes a chunk, and answers the first byte not yet held. Disk waits happen under this
    /// file's lock alone.
    ///
    /// - Parameters:
    ///   - isOpen: Asked under the lock; throws if the upload takes no chunks any more.
    ///   - finished: Called under the lock when the blob is durable; what it throws makes the
    ///     file start again.
    /// - Throws: `outOfRange` ahead of what is held, `invalidArgument` for a wrong length. After
    ///   any other failure the file starts again at its first byte.
    func receive(
        offset: UInt64,
        bytes: RawSpan,
        upload: Upload,
        blobs: any BlobStore,
        leases: BlobLeases,
        isOpen: () throws -> Void,
        finished: (StoredFile) throws -> Void
    ) throws -> UInt64 {
        try state.withLock { state in
            try isOpen()
            let next = nextOffset(in: state)
            guard offset <= next else {
                throw RegistryError(
                    .outOfRange,
                    "file \(quoted(file.path)): offset \(offset) is ahead of \(next), the first "
                        + "byte not "
                        + "yet held"
                )
            }
            if offset < next { return next }
            if case .finished = state, bytes.byteCount == 0 { return next }
            let expected = min(UInt64(Limits.chunkBytes), file.size - offset)
            guard UInt64(bytes.byteCount) == expected else {
                throw RegistryError(
                    .invalidArgument,
                    "file \(quoted(file.path)): a chunk of \(bytes.byteCount) bytes at \(offset), "
                        + "expected \(expected)"
                )
            }
            do {
                let blob = try append(bytes, to: &state, upload: upload, blobs: blobs)
                if blob.isComplete {
                    state = .finished(
                        try finish(
                            blob,
                            blobs: blobs,
                            leases: leases,
                            finished
                        )
                    )
                }
            } catch {
                if case .partial(let blob) = state { blob.discard() }
                state = .empty
                throw restarted(error)
            }
            return nextOffset(in: state)
        }
    }

    /// Drops what is held and starts again at the first byte.
    ///
    /// - Returns: The digest of the blob that is not needed any more, if there was a whole one.
    func reset() -> [UInt8]? {
        state.withLock { state in
            defer { state = .empty }
            switch state {
            case .empty: return nil
            case .partial(let blob):
                blob.discard()
                return nil
            case .finished(let stored): return stored.sealedSHA256
            }
        }
    }

    private func nextOffset(in state: borrowing State) -> UInt64 {
        switch state {
        case .empty: 0
        case .partial(let blob): blob.nextOffset
        case .finished: file.size
        }
    }

    private func append(
        _ bytes: RawSpan,
        to state: inout State,
        upload: Upload,
        blobs: any BlobStore
    ) throws -> PartialBlob {
        let blob: PartialBlob
        if case .partial(let begun) = state {
            blob = begun
        } else {
            blob = try PartialBlob(index: index, file: file, of: upload, blobs: blobs)
            state = .partial(blob)
        }
        try blob.append(bytes)
        return blob
    }

    /// Names a whole blob and has it noted; until then it is the collection's to leave alone.
    private func finish(
        _ blob: PartialBlob,
        blobs: any BlobStore,
        leases: BlobLeases,
        _ finished: (StoredFile) throws -> Void
    ) throws -> StoredFile {
        let stored = blob.sealedFile()
        return try leases.holding(stored.sealedSHA256) {
            try blob.finish(stored)
            do {
                try finished(stored)
            } catch {
                // Nothing refers to it; what cannot be removed now is for the collection.
                try? blobs.remove(stored.sealedSHA256)
                throw error
            }
            return stored
        }
    }

    private func restarted(_ error: any Error) -> any Error {
        let again = "file \(quoted(file.path)): starts again at offset 0"
        switch error {
        case let error as SealingError: return RegistryError.sealing(error, again)
        case let error as RegistryError:
            return RegistryError(
                error.code,
                "\(again): \(error.message)",
                detail: error.detail
            )
        default: return error
        }
    }
}
