internal import Logging
internal import NIOCore
internal import Synchronization
internal import TLS
internal import Wire

/// The side of a server's connection that other threads hold: calls answer through it.
///
/// Answers from the connection's loop go straight to the handler. Those from other threads wait
/// in a mailbox; only the one that finds it empty wakes the loop, so a burst costs one hop. The
/// handler and the link refer to each other until the handler leaves its channel.
final class ConnectionLink: CallConnection {
    private struct Letter {
        let call: Call
        let answer: CallAnswer
    }

    let eventLoop: any EventLoop
    let logger: Logger
    /// When the peer last sent something, of a connection without a principal.
    private let heardAt = Atomic<UInt64>(0)
    private let limits: RPCLimits
    /// Set while the handler is in its channel; what is delivered later is dropped.
    private let handler: NIOLoopBoundBox<ServerConnectionHandler?>
    /// Set in place of the handler while another binding has the connection.
    private let other: NIOLoopBoundBox<(bound: any BoundConnection, channel: any Channel)?>
    private let mailbox = Mailbox<Letter>()

    /// On the loop.
    init(eventLoop: any EventLoop, logger: Logger, limits: RPCLimits = RPCLimits()) {
        self.eventLoop = eventLoop
        self.logger = logger
        self.limits = limits
        handler = NIOLoopBoundBox(nil, eventLoop: eventLoop)
        other = NIOLoopBoundBox(nil, eventLoop: eventLoop)
    }

    /// Ties the link to its handler, or with nil cuts it off; on the loop.
    func attach(_ handler: ServerConnectionHandler?) {
        self.handler.value = handler
    }

    /// Ties the link to another binding's side of the connection; on the loop.
    func attach(_ bound: any BoundConnection, on channel: any Channel) {
        other.value = (bound, channel)
        channel.closeFuture.whenComplete { _ in self.other.value = nil }
    }

    /// When the peer last sent something; kept for connections without a principal alone.
    var lastHeard: NIODeadline { .uptimeNanoseconds(heardAt.load(ordering: .relaxed)) }

    /// Notes that the peer has sent something.
    func heard(at now: NIODeadline) {
        heardAt.store(now.uptimeNanoseconds, ordering: .relaxed)
    }

    func deliver(_ answer: CallAnswer, of call: Call) {
        guard !eventLoop.inEventLoop else {
            handler.value?.answer(call, with: answer)
            return
        }
        if mailbox.post(Letter(call: call, answer: answer)) {
            eventLoop.execute { self.emptyMailbox() }
        }
    }

    func deliver(_ message: some OutgoingMessage, of call: Call) {
        guard !eventLoop.inEventLoop else {
            handler.value?.answer(call, sending: message)
            return
        }
        guard message.byteCount <= RPCLimits.frameCeilingBytes else {
            let limit = limits.replyFrameBytes(to: call)
            return deliver(.failure(.oversize(message.byteCount, limit: limit)), of: call)
        }
        // Encoded where it was computed: the loop only sends it.
        var payload = ByteBuffer()
        message.append(to: &payload)
        deliver(.success(payload), of: call)
    }

    func wait(_ call: Call, for room: Call.Room, then body: @escaping @Sendable () -> Void) {
        guard !eventLoop.inEventLoop else {
            handler.value?.wait(call, for: room, then: body)
            return
        }
        eventLoop.execute { self.handler.value?.wait(call, for: room, then: body) }
    }

    /// Refuses new calls and closes when none runs; from any thread.
    func drain() {
        eventLoop.execute {
            self.handler.value?.drain()
            self.other.value?.bound.drain()
        }
    }

    /// Cancels what runs and closes, from any thread.
    func cut() {
        eventLoop.execute {
            self.handler.value?.cut()
            if let channel = self.other.value?.channel { Self.cut(channel) }
        }
    }

    /// Closes a socket at once. TLS is passed by: its farewell waits for the peer, and who is cut
    /// has had its time.
    static func cut(_ channel: any Channel) {
        let pipeline = channel.pipeline.syncOperations
        if let tls = try? pipeline.context(handlerType: TLSHandler.self) {
            tls.close(promise: nil)
        } else {
            channel.close(promise: nil)
        }
    }

    private func emptyMailbox() {
        let letters = mailbox.takeAll()
        guard let handler = handler.value else { return }
        for letter in letters {
            handler.answer(letter.call, with: letter.answer)
        }
        handler.flushAndGoOn()
    }
}
