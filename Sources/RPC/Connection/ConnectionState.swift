internal import NIOCore
internal import Wire

/// Why a connection is closed by this side.
enum CloseReason: String, Equatable {
    /// The first byte of a frame is not 0.
    case notFrames = "the first byte of a frame is not 0"
    case unknownFrames = "too many frames of unknown type"
    case headerTimeout = "a frame header was not completed in time"
    case bodyTimeout = "a frame was not completed in time"
    case writeStalled = "the peer takes no replies"
    case anonymousIdle = "a connection without a principal sent nothing for too long"
}

/// What a server's connection does, apart from doing it: no channel, no clock, no buffers.
///
/// It knows which calls run, whether to read on, when to wake up and when to close. The handler
/// tells it what happened and acts on what it answers. `Token` is the call, opaque here.
struct ConnectionState<Token> {
    /// What to do with a frame.
    enum FrameAction {
        /// Decode it and start the call.
        case request
        /// Answer this status on the frame's stream.
        case refuse(Status)
        /// Cancel the call, and answer this status on the frame's stream in its place.
        case abort(Token, Status)
        case drop
        case close(CloseReason)
    }

    /// What a timer's firing brings.
    struct TimerOutcome {
        /// Calls whose deadline has passed: no longer running, to be answered so.
        var expired: [Token] = []
        var close: CloseReason?
    }

    private struct Running {
        let token: Token
        let deadline: NIODeadline?
    }

    /// The peer's taking of replies, watched while there are some that it has not taken.
    private struct WriteWatch {
        /// Bytes taken when they last grew.
        var taken: Int
        var grewAt: NIODeadline
        var nextCheck: NIODeadline
    }

    /// A frame that is not complete.
    private struct PartialFrame {
        let index: UInt64
        let progress: FrameDecoder.Progress
        let due: NIODeadline
    }

    private let limits: RPCLimits
    private var running: [UInt32: Running] = [:]
    /// The highest id of a request so far, those refused included.
    private var lastStreamID: UInt32 = 0
    private var unknownFrames = 0
    private var frameIndex: UInt64 = 0
    /// No running call's deadline is earlier; it may be that of a call that is over, which costs
    /// one look at all calls when it passes and nothing before.
    private var earliestDeadline: NIODeadline?
    private var partialFrame: PartialFrame?
    private var writeWatch: WriteWatch?
    /// Of a connection without a principal: how long it may send nothing, and since when it has
    /// sent nothing and been sent nothing.
    private var silence: (limit: TimeAmount, since: NIODeadline)?
    private var writtenBytes = 0
    private var isWritable = true
    /// When room for replies is looked for again; nil: none is waited for.
    private var roomDue: NIODeadline?
    /// Bytes wait that were not looked at.
    private(set) var hasInput = false
    private var inputIsClosed = false
    private(set) var isDraining = false
    private(set) var isClosed = false

    init(limits: RPCLimits) {
        self.limits = limits
    }

    /// Calls that run.
    var callsInFlight: Int { running.count }

    /// Whether received frames are looked at, and more are read from the socket.
    ///
    /// Calls that are answered while their own read is being worked off never run in this sense,
    /// so any number of them may be pipelined.
    var readsOn: Bool {
        !isClosed && isWritable && roomDue == nil && running.count < limits.maxCallsInFlight
    }

    /// Whether room for replies is waited for.
    var waitsForRoom: Bool { roomDue != nil }

    /// Whether nothing is left to do on a connection that gets no more calls.
    var isFinished: Bool {
        !isClosed && running.isEmpty && !hasInput && (inputIsClosed || isDraining)
    }
}

// MARK: - Frames and calls

extension ConnectionState {
    /// Looks at the header of a whole frame.
    mutating func received(_ header: FrameHeader) -> FrameAction {
        frameIndex += 1
        guard header.streamID % 2 == 1 else { return .refuse(Self.evenID) }
        switch header.type {
        case .request:
            guard header.streamID > lastStreamID else { return .refuse(Self.reusedID) }
            lastStreamID = header.streamID
            return .request
        case .data:
            return data(
                header.streamID,
                Status(.invalidArgument, "the method takes no data frames")
            )
        case .response, nil:
            return unknown()
        }
    }

    /// Looks at the header of a frame that is over the limit and discarded as it comes.
    ///
    /// It does not advance the last id, as in the reference implementation.
    mutating func receivedOversize(_ header: FrameHeader) -> FrameAction {
        frameIndex += 1
        let status = Status.oversize(Int(header.length), limit: limits.maxReceiveBytes)
        guard header.streamID % 2 == 1 else { return .refuse(status) }
        return switch header.type {
        case .request: .refuse(status)
        case .data: data(header.streamID, status)
        case .response, nil: unknown()
        }
    }

    /// Data for a running call ends it: every method that runs is unary. A stream that is over
    /// swallows what its client had under way; an error for each frame would help nobody.
    private mutating func data(_ streamID: UInt32, _ status: Status) -> FrameAction {
        if let call = running.removeValue(forKey: streamID) { return .abort(call.token, status) }
        return streamID <= lastStreamID ? .drop : .refuse(Self.neverOpened)
    }

    private mutating func unknown() -> FrameAction {
        unknownFrames += 1
        return unknownFrames > limits.maxUnknownFrames ? .close(.unknownFrames) : .drop
    }

    /// A call was started and is not answered yet.
    mutating func started(_ token: Token, streamID: UInt32, deadline: NIODeadline?) {
        running[streamID] = Running(token: token, deadline: deadline)
        guard let deadline else { return }
        earliestDeadline = min(earliestDeadline ?? deadline, deadline)
    }

    /// A call has its answer; false if it was already out of the table, and nothing may be sent.
    mutating func answered(_ streamID: UInt32) -> Bool {
        running.removeValue(forKey: streamID) != nil
    }

    private static var evenID: Status {
        Status(.invalidArgument, "StreamID must be odd for client initiated streams")
    }

    private static var reusedID: Status {
        Status(.invalidArgument, "StreamID cannot be re-used and must increment")
    }

    private static var neverOpened: Status {
        Status(.invalidArgument, "StreamID is no longer active")
    }
}

// MARK: - The connection's life

extension ConnectionState {
    /// Bytes came in and wait to be looked at.
    mutating func fed(now: NIODeadline) {
        hasInput = true
        if silence != nil { silence = (limits.anonymousIdleTimeout, now) }
    }

    /// The handshake ended without a principal: from here on the connection may not be idle.
    mutating func becameAnonymous(now: NIODeadline) {
        silence = (limits.firstByteTimeout, now)
    }

    /// All that came in was looked at; what is left is part of a frame, or nothing.
    mutating func consumed(_ progress: FrameDecoder.Progress, now: NIODeadline) {
        hasInput = false
        let timeout: TimeAmount
        switch progress {
        case .idle:
            partialFrame = nil
            return
        case .header: timeout = limits.headerTimeout
        case .body: timeout = limits.bodyTimeout
        }
        if let partialFrame, partialFrame.index == frameIndex, partialFrame.progress == progress {
            return
        }
        partialFrame = PartialFrame(index: frameIndex, progress: progress, due: now + timeout)
    }

    /// The peer sends nothing more; it still reads.
    mutating func inputClosed() {
        inputIsClosed = true
        partialFrame = nil
    }

    /// From here on new calls are refused, and the connection closes when none runs.
    mutating func drain() {
        isDraining = true
    }

    /// The connection is being closed, or is gone. Returns the calls that will not be answered.
    mutating func close() -> [Token] {
        isClosed = true
        earliestDeadline = nil
        partialFrame = nil
        roomDue = nil
        let tokens = running.values.map(\.token)
        running.removeAll()
        return tokens
    }

    /// The socket's backlog of replies went over its limit, or well under it.
    mutating func writabilityChanged(_ isWritable: Bool) {
        self.isWritable = isWritable
        // Nothing is read from the peer meanwhile, so its frame cannot be late.
        if !isWritable { partialFrame = nil }
    }

    /// Nothing more is taken until there is room for replies.
    mutating func waitForRoom(until due: NIODeadline) {
        roomDue = due
        // Nothing is read from the peer meanwhile, so its frame cannot be late.
        partialFrame = nil
    }

    /// There is room for replies.
    mutating func foundRoom() {
        roomDue = nil
    }

    /// Replies were handed to the socket. Whether it has sent them is asked when the watch is
    /// looked at, not each time.
    mutating func flushed(_ byteCount: Int, now: NIODeadline) {
        writtenBytes += byteCount
        silence?.since = now
        guard writeWatch == nil else { return }
        // Without a watch all of what came before was taken.
        writeWatch = WriteWatch(
            taken: writtenBytes - byteCount,
            grewAt: now,
            nextCheck: now + stallCheckInterval
        )
    }
}

// MARK: - Time

extension ConnectionState {
    /// Four looks in a stall's length: it is found at most a quarter late.
    private var stallCheckInterval: TimeAmount {
        .nanoseconds(max(1, limits.writeStallTimeout.nanoseconds / 4))
    }

    /// When the rest of a frame is late. While nothing is read, or what was read is not looked at,
    /// the rest may well be waiting.
    private var partialDue: NIODeadline? {
        readsOn && !hasInput ? partialFrame?.due : nil
    }

    /// When a connection without a principal has been idle for too long.
    private var silenceDue: NIODeadline? {
        guard let silence, running.isEmpty, readsOn, !hasInput else { return nil }
        return silence.since + silence.limit
    }

    /// When ``timerFired(now:unsentBytes:)`` is due; nil: nothing is waited for.
    var nextTimer: NIODeadline? {
        var next = writeWatch?.nextCheck
        if let partialDue { next = min(next ?? partialDue, partialDue) }
        if let silenceDue { next = min(next ?? silenceDue, silenceDue) }
        if let roomDue { next = min(next ?? roomDue, roomDue) }
        if let earliestDeadline { next = min(next ?? earliestDeadline, earliestDeadline) }
        return next
    }

    /// Time has passed.
    mutating func timerFired(now: NIODeadline, unsentBytes: Int) -> TimerOutcome {
        var outcome = TimerOutcome()
        if let earliestDeadline, earliestDeadline <= now {
            outcome.expired = takeExpired(now)
        }
        if let silenceDue, silenceDue <= now { outcome.close = .anonymousIdle }
        if let partialDue, partialDue <= now {
            outcome.close = partialFrame?.progress == .header ? .headerTimeout : .bodyTimeout
        }
        if isStalled(now: now, unsentBytes: unsentBytes) {
            outcome.close = .writeStalled
        }
        return outcome
    }

    private mutating func takeExpired(_ now: NIODeadline) -> [Token] {
        var expired: [(streamID: UInt32, token: Token)] = []
        var earliest: NIODeadline?
        for (streamID, call) in running {
            guard let deadline = call.deadline else { continue }
            if deadline <= now {
                expired.append((streamID, call.token))
            } else {
                earliest = min(earliest ?? deadline, deadline)
            }
        }
        earliestDeadline = earliest
        for (streamID, _) in expired { running[streamID] = nil }
        return expired.map(\.token)
    }

    private mutating func isStalled(now: NIODeadline, unsentBytes: Int) -> Bool {
        guard var watch = writeWatch, watch.nextCheck <= now else { return false }
        guard unsentBytes > 0 else {
            writeWatch = nil
            return false
        }
        let taken = writtenBytes - unsentBytes
        if taken > watch.taken {
            watch.taken = taken
            watch.grewAt = now
        }
        watch.nextCheck = now + stallCheckInterval
        writeWatch = watch
        return now - watch.grewAt >= limits.writeStallTimeout
    }
}

extension Status {
    /// A frame over the limit, in the words of the reference implementation.
    static func oversize(_ byteCount: Int, limit: Int) -> Status {
        Status(
            .resourceExhausted,
            "message length \(byteCount) exceed maximum message size of \(limit)"
        )
    }
}
