internal import NIOCore
internal import Wire

/// A call that waits for room for its reply.
struct WaitingCall {
    let call: Call
    let room: Call.Room
    /// Since when the room of other connections is waited for.
    var since: NIODeadline?
    let body: @Sendable () -> Void
}

// MARK: - Replies that the socket has not taken

extension ServerConnectionHandler {
    /// Bytes that may be flushed before it is asked whether the socket has taken them. Asking
    /// costs an allocation, which most replies do without.
    private static let maxUnwatchedBytes = 32 << 10

    /// Counts the `count` bytes that are about to be flushed until the socket has taken them, or
    /// no longer if they are few and nothing waits before them.
    ///
    /// - Returns: A promise for the last write; nil: the bytes are not counted any more.
    func watch(_ count: Int, _ context: ChannelHandlerContext) -> EventLoopPromise<Void>? {
        let reserved = unflushedReserved
        unflushedReserved = 0
        unwatchedBytes += count
        guard untakenBytes > 0 || unwatchedBytes >= Self.maxUnwatchedBytes else {
            account.release(reserved)
            if state.waitsForRoom { scheduleFlush() }
            return nil
        }
        account.correct(reserved, to: count)
        untakenBytes += count
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenComplete { [self] _ in taken(count) }
        return promise
    }

    private func taken(_ count: Int) {
        // The handler may have left the channel before.
        guard untakenBytes > 0 else { return }
        untakenBytes -= count
        account.release(count)
        held.released(count)
        if untakenBytes == 0 { unwatchedBytes = 0 }
        // Not from here: this may come from the midst of a flush of ours.
        if state.waitsForRoom { scheduleFlush() }
    }

    /// Counts nothing any more: the channel is closed, and its replies are dropped.
    func releaseReplies() {
        account.release(unflushedReserved + untakenBytes)
        held.released(untakenBytes)
        (unflushedReserved, untakenBytes) = (0, 0)
    }

    /// Takes the principal that the handshake proved, before the first call.
    func identify(_ principal: Principal) {
        guard principal != self.principal else { return }
        held.close(self.principal)
        self.principal = principal
        account = held.open(principal)
    }
}

// MARK: - Calls that wait

extension ServerConnectionHandler {
    /// The intervals at which room is looked for that other connections have, each twice as long
    /// as the one before. The connection's own replies tell when they leave.
    static let roomIntervals = TimeAmount.milliseconds(5)...TimeAmount.milliseconds(160)

    /// Whether frames may be looked at. Failures of frames that no call stands behind need room
    /// too, which they do not reserve.
    func hasRoomForReplies() -> Bool {
        guard untakenBytes > 0, account.isFull else { return true }
        lookAgain()
        return false
    }

    /// Has a call wait for room; none that comes later is started before. On the loop.
    func wait(_ call: Call, for room: Call.Room, then body: @escaping @Sendable () -> Void) {
        guard !state.isClosed, !call.isOver else { return }
        let present = waiting.reduce(0) { $0 + $1.room.requestBytes }
        guard waiting.isEmpty || present + room.requestBytes <= limits.maxReceiveBytes else {
            return refuse(call, room, account)
        }
        let place = waiting.firstIndex { $0.call.streamID > call.streamID } ?? waiting.count
        waiting.insert(WaitingCall(call: call, room: room, body: body), at: place)
        let now = context?.eventLoop.now ?? now
        state.waitForRoom(until: now)
        if !isProcessing { scheduleFlush() }
    }

    /// Starts the calls for which there is room now.
    func resumeWaiting() {
        isProcessing = true
        defer { isProcessing = false }
        now = context?.eventLoop.now ?? now
        while let first = waiting.first, !state.isClosed {
            if first.call.isOver {
                waiting.removeFirst()
            } else if let full = first.call.reserve(first.room.replyBytes) {
                guard full !== account, isTooLate(full) else { return lookAgain() }
                waiting.removeFirst()
                refuse(first.call, first.room, full)
            } else {
                waiting.removeFirst()
                roomInterval = Self.roomIntervals.lowerBound
                first.body()
            }
        }
        guard !state.isClosed else { return }
        state.foundRoom()
        if untakenBytes == 0 { roomInterval = Self.roomIntervals.lowerBound }
    }

    private func lookAgain() {
        state.waitForRoom(until: now + roomInterval)
        roomInterval = min(roomInterval + roomInterval, Self.roomIntervals.upperBound)
    }

    /// Whether the first call has waited for others' room as long as it may.
    private func isTooLate(_ full: ReplyAccount) -> Bool {
        let since = waiting[0].since ?? now
        waiting[0].since = since
        return now - since >= limits.replyRoomTimeout
    }

    private func refuse(_ call: Call, _ room: Call.Room, _ full: ReplyAccount) {
        let retryNs = UInt64(clamping: limits.replyRoomTimeout.nanoseconds)
        call.fail(
            Status(
                .resourceExhausted,
                full.refuse(room.replyBytes),
                details: [.retry(afterNs: retryNs)]
            )
        )
    }
}
