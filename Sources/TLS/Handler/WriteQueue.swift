internal import NIOCore

/// Plaintext that was written and is not encrypted yet, with the mark that `flush` sets.
struct WriteQueue {
    /// What one flush sends: buffers to encrypt in order, and the promises of their writes.
    struct Burst {
        var plaintext: [ByteBuffer] = []
        var promises: [EventLoopPromise<Void>] = []
    }

    private var writes: MarkedCircularBuffer<(bytes: ByteBuffer, promise: EventLoopPromise<Void>?)>

    init() {
        writes = MarkedCircularBuffer(initialCapacity: 4)
    }

    /// Adds a write, which waits for the next ``mark()``.
    mutating func append(_ bytes: ByteBuffer, promise: EventLoopPromise<Void>?) {
        writes.append((bytes: bytes, promise: promise))
    }

    /// What is in the queue now may go out.
    mutating func mark() {
        writes.mark()
    }

    /// Takes all marked writes, small neighbours put together: a record of its own costs more
    /// than a copy of its bytes. Large ones stay where they lie.
    mutating func takeMarked() -> Burst? {
        guard writes.hasMark else { return nil }
        var burst = Burst()
        var small = ByteBuffer()
        while writes.hasMark, let write = writes.popFirst() {
            if let promise = write.promise { burst.promises.append(promise) }
            if write.bytes.readableBytes >= TLSLimits.directWriteBytes {
                burst.append(&small)
                burst.plaintext.append(write.bytes)
            } else if small.readableBytes == 0 {
                // Alone so far, it stays where it lies too.
                small = write.bytes
            } else {
                small.reserveCapacity(
                    minimumWritableBytes: max(write.bytes.readableBytes, Self.growthBytes)
                )
                small.writeImmutableBuffer(write.bytes)
            }
        }
        burst.append(&small)
        return burst
    }

    /// Empties the queue.
    ///
    /// - Returns: the promises of all writes, marked or not.
    mutating func removeAll() -> [EventLoopPromise<Void>] {
        var promises: [EventLoopPromise<Void>] = []
        while let write = writes.popFirst() {
            if let promise = write.promise { promises.append(promise) }
        }
        return promises
    }

    /// Room made when small writes are put together, so that most bursts allocate once.
    private static let growthBytes = 4 * 1024
}

extension WriteQueue.Burst {
    /// Adds what was put together, and starts anew.
    fileprivate mutating func append(_ small: inout ByteBuffer) {
        guard small.readableBytes > 0 else { return }
        plaintext.append(small)
        small = ByteBuffer()
    }
}
