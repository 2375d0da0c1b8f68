package import NIOCore

/// Cuts a byte stream into frames.
///
/// A frame that lies within one fed buffer is handed out as a slice of it, with no copy; one
/// that is spread over several is gathered in a buffer of its own, which grows with what has
/// arrived and not with what was announced. What is longer than the limit is reported once and
/// then dropped as it arrives, so a hostile length costs no memory.
///
/// Feed it with ``append(_:)``, then call ``next()`` until it answers ``Event/needsMore``.
package struct FrameDecoder: Sendable {
    /// What the bytes fed so far hold next.
    package enum Event: Sendable, Equatable {
        /// A whole frame.
        case frame(FrameHeader, ByteBuffer)
        /// A frame longer than the limit. Its data is being discarded; decoding goes on after it.
        case oversize(FrameHeader)
        /// The first byte of a length is not zero: the peer does not speak this protocol, or the
        /// two sides no longer agree where frames begin. Final: the connection has to be closed.
        case protocolError
        /// All that was fed is consumed.
        case needsMore
    }

    /// How far the frame that is being received has come; for timeouts.
    package enum Progress: Sendable, Equatable {
        /// Between frames.
        case idle
        /// Some bytes of a header are there, not all.
        case header
        /// The header is there, its data is not complete (or not all discarded).
        case body
    }

    private enum State: Sendable {
        case header
        case body(FrameHeader)
        case discarding(remaining: Int)
        case failed
    }

    /// Most bytes reserved for a body before any of it has arrived.
    private static let maxInitialBodyCapacity = 64 << 10

    /// Longest frame accepted, in bytes of data.
    package let maxLength: Int
    private var state = State.header
    /// Fed and not yet looked at.
    private var input = ByteBuffer()
    /// The part of a header (at most nine bytes) or of a body that came in earlier buffers.
    private var partial = ByteBuffer()

    /// - Parameter maxLength: longest frame accepted, at most ``FrameHeader/maxLength``.
    package init(maxLength: Int = FrameHeader.defaultMaxLength) {
        precondition(
            (0...FrameHeader.maxLength).contains(maxLength),
            "a frame limit of \(maxLength) bytes is outside 0...\(FrameHeader.maxLength)"
        )
        self.maxLength = maxLength
    }

    package var progress: Progress {
        switch state {
        case .header: partial.readableBytes == 0 && input.readableBytes == 0 ? .idle : .header
        case .body, .discarding: .body
        case .failed: .idle
        }
    }

    /// Whether bytes were fed that ``next()`` has not looked at.
    package var hasInput: Bool { input.readableBytes > 0 }

    /// Memory held for what is not yet a frame, in bytes; for budgets.
    package var bufferedBytes: Int { input.storageCapacity + partial.storageCapacity }

    /// Takes in received bytes. Free of copies when ``next()`` has answered `needsMore` before.
    package mutating func append(_ bytes: ByteBuffer) {
        if input.readableBytes == 0 {
            input = bytes
        } else {
            input.writeImmutableBuffer(bytes)
        }
    }

    /// The next event; call again until it is ``Event/needsMore``.
    package mutating func next() -> Event {
        switch state {
        case .header: nextHeader()
        case .body(let header): nextBody(header)
        case .discarding(let remaining): discard(remaining)
        case .failed: .protocolError
        }
    }

    private mutating func nextHeader() -> Event {
        let isFirstByte = partial.readableBytes == 0
        if isFirstByte, let first = input.getInteger(at: input.readerIndex, as: UInt8.self),
            first != 0
        {
            state = .failed
            input = ByteBuffer()
            return .protocolError
        }
        guard let header = readHeader() else { return .needsMore }
        let length = Int(header.length)
        guard length <= maxLength else {
            state = .discarding(remaining: length)
            return .oversize(header)
        }
        if let data = input.readSlice(length: length) {
            releaseConsumedInput()
            return .frame(header, data)
        }
        state = .body(header)
        partial = ByteBuffer()
        partial.reserveCapacity(min(length, Self.maxInitialBodyCapacity))
        return nextBody(header)
    }

    /// The header from `partial` and `input`; nil if it is not complete, with `input` consumed.
    private mutating func readHeader() -> FrameHeader? {
        if partial.readableBytes == 0, let header = FrameHeader(reading: &input) {
            return header
        }
        takeInput(upTo: FrameHeader.byteCount)
        guard let header = FrameHeader(reading: &partial) else { return nil }
        partial.clear()
        return header
    }

    private mutating func nextBody(_ header: FrameHeader) -> Event {
        let length = Int(header.length)
        takeInput(upTo: length)
        guard partial.readableBytes == length else { return .needsMore }
        let data = partial
        partial = ByteBuffer()
        state = .header
        return .frame(header, data)
    }

    private mutating func discard(_ remaining: Int) -> Event {
        let count = min(remaining, input.readableBytes)
        input.moveReaderIndex(forwardBy: count)
        guard count == remaining else {
            input = ByteBuffer()
            state = .discarding(remaining: remaining - count)
            return .needsMore
        }
        state = .header
        return nextHeader()
    }

    /// Moves bytes from `input` to `partial` until that holds `total`.
    private mutating func takeInput(upTo total: Int) {
        let wanted = min(total - partial.readableBytes, input.readableBytes)
        guard wanted > 0, var slice = input.readSlice(length: wanted) else { return }
        partial.writeBuffer(&slice)
        releaseConsumedInput()
    }

    /// Lets go of a receive buffer that is used up: an idle connection holds none.
    private mutating func releaseConsumedInput() {
        if input.readableBytes == 0 {
            input = ByteBuffer()
        }
    }
}
