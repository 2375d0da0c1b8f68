internal import NIOCore

/// Room for a call's reply, which is reserved before the call runs.
extension Call {
    /// The room that a call waits for.
    package struct Room: Sendable {
        /// The bytes of the reply, at most ``RPCLimits/frameCeilingBytes``.
        let replyBytes: Int
        /// The bytes of the request, which it keeps while it waits.
        let requestBytes: Int

        package init(replyBytes: Int, requestBytes: Int) {
            self.replyBytes = min(max(replyBytes, 0), RPCLimits.frameCeilingBytes)
            self.requestBytes = requestBytes
        }
    }

    /// Runs `body` on the connection's loop when there is room for the reply: at once, or after
    /// other replies have left. Frames that come later wait too. A call that finds no room in
    /// time is refused.
    package func whenRoom(_ room: Room, _ body: @escaping @Sendable () -> Void) {
        if eventLoop.inEventLoop, reserve(room.replyBytes) == nil { return body() }
        wait(for: room, then: body)
    }

    /// Runs `body` on the connection's loop when there is room for the reply, after the other
    /// calls of the connection that wait.
    package func wait(for room: Room, then body: @escaping @Sendable () -> Void) {
        connection.wait(self, for: room, then: body)
    }
}
