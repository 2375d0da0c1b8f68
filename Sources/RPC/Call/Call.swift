package import Logging
package import Metrics
package import NIOCore
internal import Synchronization
package import Text
package import Wire

/// What a call is answered with.
package enum CallAnswer: Sendable {
    /// The encoded reply message.
    case success(ByteBuffer)
    /// Why there is no reply.
    case failure(Status)
}

/// What a call came in on: a connection of either binding, or a test's stand-in.
package protocol CallConnection: AnyObject, Sendable {
    /// The loop that owns the connection.
    var eventLoop: any EventLoop { get }
    /// Logs with the connection's metadata.
    var logger: Logger { get }
    /// Takes the one answer of a call, from any thread.
    func deliver(_ answer: CallAnswer, of call: Call)
    /// Takes a success that is not encoded yet, from any thread.
    func deliver(_ message: some OutgoingMessage, of call: Call)
    /// Has `body` called on the connection's loop once the room of `call` is reserved, unless the
    /// call ends before; from any thread.
    func wait(_ call: Call, for room: Call.Room, then body: @escaping @Sendable () -> Void)
}

extension CallConnection {
    package func wait(
        _ call: Call,
        for room: Call.Room,
        then body: @escaping @Sendable () -> Void
    ) {
        body()
    }

    package func deliver(_ message: some OutgoingMessage, of call: Call) {
        var payload = ByteBuffer()
        message.append(to: &payload)
        deliver(.success(payload), of: call)
    }
}

/// One unary call.
///
/// A call has exactly one outcome. Whoever comes first decides it: the method, by ``succeed(_:)``
/// or ``fail(_:)``; whoever cancels; the connection, when the deadline passes or the peer is
/// lost. What comes later is dropped, so a method need not know whether it is still in time.
package final class Call: Sendable {
    /// What is fixed about a call when it arrives.
    package struct Origin: Sendable {
        /// Who calls.
        package var principal: Principal
        /// The principal's number: the same on all its connections.
        package var principalNumber: UInt64
        /// When the request was read.
        package var receivedAt: NIODeadline
        /// When the caller stops waiting; nil: never.
        package var deadline: NIODeadline?
        /// The request's metadata, keys in lower case.
        package var metadata: [(key: ExactString, value: String)]

        package init(
            principal: Principal,
            principalNumber: UInt64? = nil,
            receivedAt: NIODeadline,
            deadline: NIODeadline? = nil,
            metadata: [(key: ExactString, value: String)] = []
        ) {
            self.principal = principal
            self.principalNumber =
                principalNumber ?? PrincipalNumbers.shared.number(of: principal)
            self.receivedAt = receivedAt
            self.deadline = deadline
            self.metadata = metadata
        }
    }

    private enum Outcome {
        static let open: UInt8 = 0
        static let answered: UInt8 = 1
        static let cancelled: UInt8 = 2
    }

    private struct Hooks {
        var onCancel: [@Sendable () -> Void] = []
        var onFinish: [@Sendable (StatusCode) -> Void] = []
        /// What counts the call; nil: its method's.
        var meter: CallMeter?
        /// The model that the call is for, where its method says so; for the log.
        var model: String?
        /// The trace that the server records of the call; nil: its caller's, if there is one.
        var traceID: String?
        /// The outcome, once hooks have been taken.
        var code: StatusCode?
    }

    /// Names the call on its connection.
    package let streamID: UInt32
    private let route: Route
    private let origin: Origin
    let connection: any CallConnection
    /// One of ``Outcome``; leaves `open` once, by the exchange in ``end(as:)``.
    private let outcome = Atomic<UInt8>(Outcome.open)
    private let hooks = Mutex(Hooks())
    /// Counts the reply; nil: nothing does.
    private let account: ReplyAccount?
    /// The bytes that the account has for this call. Taken out by ``takeReserved()``; what is
    /// left at the end of the call's life is given back.
    private let reserved = Atomic(0)

    init(
        route: Route,
        streamID: UInt32,
        origin: Origin,
        connection: any CallConnection,
        account: ReplyAccount? = nil
    ) {
        self.route = route
        self.streamID = streamID
        self.origin = origin
        self.connection = connection
        self.account = account
    }

    deinit {
        let left = takeReserved()
        if left > 0 { account?.release(left) }
    }

    /// A call on a connection other than this target's own.
    package convenience init(
        method: Method,
        streamID: UInt32,
        origin: Origin,
        connection: any CallConnection
    ) {
        self.init(
            route: Route(method, interceptors: []),
            streamID: streamID,
            origin: origin,
            connection: connection
        )
    }

    /// The method that is called.
    package var method: Method { route.method }
    /// `/service/name`.
    package var path: String { route.path }
    /// Who calls, as the transport proved it.
    package var principal: Principal { origin.principal }
    /// The number of the principal: the same on all its connections.
    package var principalNumber: UInt64 { origin.principalNumber }
    /// When the request was read from the connection.
    package var receivedAt: NIODeadline { origin.receivedAt }
    /// When the caller stops waiting; the call is answered then by itself. Nil: never.
    package var deadline: NIODeadline? { origin.deadline }
    /// The request's metadata in the order sent, keys in lower case.
    package var metadata: [(key: ExactString, value: String)] { origin.metadata }
    /// The loop that owns the connection; answers from it cost no hop.
    package var eventLoop: any EventLoop { connection.eventLoop }
    /// Tells one connection's calls from another's.
    package var source: ObjectIdentifier { ObjectIdentifier(connection) }
    /// Logs with the connection's metadata.
    package var logger: Logger { connection.logger }

    /// The first value of a metadata key, which is given in lower case.
    package func metadataValue(_ key: ExactString) -> String? {
        origin.metadata.first { $0.key == key }?.value
    }

    /// Whether the outcome was decided by a cancellation, a passed deadline or a lost peer.
    ///
    /// Acquiring: who reads `true` sees what the canceller did before.
    package var isCancelled: Bool { outcome.load(ordering: .acquiring) == Outcome.cancelled }

    /// Whether the outcome is decided; what is still computed for it is wasted.
    package var isOver: Bool { outcome.load(ordering: .acquiring) != Outcome.open }

    /// Counts the call with a meter from here on, and no longer with its method's; once, and not
    /// if it is over.
    package func count(with meter: CallMeter) {
        hooks.withLock { hooks in
            guard hooks.code == nil, hooks.meter == nil else { return }
            hooks.meter = meter
            meter.began()
        }
    }

    /// Names the model that the call is for, as its line in the log would have it.
    package func note(model: String) {
        hooks.withLock { $0.model = model }
    }

    /// Names the trace that the call is recorded in, for its line in the log.
    package func note(traceID: String) {
        hooks.withLock { $0.traceID = traceID }
    }

    /// Answers with an encoded message, from any thread; dropped if the outcome is decided.
    ///
    /// On the connection's loop the reply joins those of the same tick in one write; from
    /// another thread, those that wait for the same hop.
    /// - Parameter now: saves a look at the clock.
    package func succeed(_ payload: ByteBuffer, at now: NIODeadline? = nil) {
        guard end(as: Outcome.answered) else { return }
        reserve(exactly: payload.readableBytes)
        finish(nil, at: now ?? .now())
        connection.deliver(.success(payload), of: self)
    }

    /// Answers with a message, from any thread; dropped if the outcome is decided.
    ///
    /// On the connection's loop it is written right into what the connection sends.
    /// - Parameter now: saves a look at the clock.
    package func succeed(sending message: some OutgoingMessage, at now: NIODeadline? = nil) {
        guard end(as: Outcome.answered) else { return }
        reserve(exactly: message.byteCount)
        finish(nil, at: now ?? .now())
        connection.deliver(message, of: self)
    }

    /// Answers with a failure, from any thread; dropped if the outcome is decided.
    package func fail(_ status: Status) {
        guard end(as: Outcome.answered) else { return }
        reserve(exactly: 0)
        finish(status, at: .now())
        connection.deliver(.failure(status), of: self)
    }

    /// Answers CANCELLED at once and runs what ``onCancel(_:)`` was given; from any thread.
    package func cancel() {
        let status = Status(.cancelled, "the call was cancelled")
        guard abandon(status) else { return }
        connection.deliver(.failure(status), of: self)
    }

    /// Registers what to do when the call ends by a cancellation, a passed deadline or a lost
    /// peer: once, on the canceller's thread, at once if that has happened. Never after an answer.
    package func onCancel(_ body: @escaping @Sendable () -> Void) {
        let isLate = hooks.withLock { hooks in
            guard hooks.code == nil else { return isCancelled }
            hooks.onCancel.append(body)
            return false
        }
        if isLate { body() }
    }

    /// Registers what to do when the outcome is decided, whatever it is: once, on the deciding
    /// thread, before the answer is sent; at once if that has happened. For metrics.
    package func onFinish(_ body: @escaping @Sendable (StatusCode) -> Void) {
        let code = hooks.withLock { hooks in
            if hooks.code == nil { hooks.onFinish.append(body) }
            return hooks.code
        }
        if let code { body(code) }
    }

    /// Ends the call from the connection's side, without an answer.
    ///
    /// - Returns: whether this decided the outcome; only then may the connection answer `status`.
    package func abandon(_ status: Status) -> Bool {
        guard end(as: Outcome.cancelled) else { return false }
        reserve(exactly: 0)
        finish(status, at: .now())
        return true
    }

    /// Reserves room for a reply of so many bytes, what was reserved before included; from any
    /// thread. A reply that is larger by less than a quarter than what was reserved has its room:
    /// it is counted when it is there.
    ///
    /// - Returns: The account that has too little room; nil: there is room.
    package func reserve(_ count: Int) -> ReplyAccount? {
        let own = reserved.load(ordering: .relaxed)
        guard let account, count > own + own / 4 else { return nil }
        if let full = account.take(count - own, own: own) { return full }
        reserved.add(count - own, ordering: .relaxed)
        return nil
    }

    /// Counts the reply that there is; the outcome is decided.
    private func reserve(exactly count: Int) {
        guard let account else { return }
        let needed = max(count, min(ReplyAccount.leastBytes, reserved.load(ordering: .relaxed)))
        let before = reserved.exchange(needed, ordering: .relaxed)
        if before != needed { account.correct(before, to: needed) }
    }

    /// Hands what is reserved over to the connection, which releases it.
    func takeReserved() -> Int { reserved.exchange(0, ordering: .relaxed) }

    /// Runs the interceptors and the method.
    func start(_ payload: ByteBuffer) {
        route.handler(self, payload)
    }

    private func end(as outcome: UInt8) -> Bool {
        self.outcome.compareExchange(
            expected: Outcome.open,
            desired: outcome,
            ordering: .acquiringAndReleasing
        ).exchanged
    }

    /// Counts the call, and runs the hooks, outside the lock: they may register others.
    /// - Parameter failure: nil: it succeeded.
    private func finish(_ failure: Status?, at now: NIODeadline) {
        let code = failure?.code ?? .ok
        let taken = hooks.withLock { hooks in
            let taken = hooks
            hooks = Hooks(code: code)
            return taken
        }
        let took = UInt64(clamping: (now - receivedAt).nanoseconds)
        (taken.meter ?? route.meter).ended(code: Int(code.rawValue), afterNs: took)
        if let failure {
            if code == .resourceExhausted { route.refusals.observe(took) }
            log(failure, taken, at: now, tookNs: took)
        }
        for body in taken.onFinish { body(code) }
        guard isCancelled else { return }
        for body in taken.onCancel { body() }
    }

    /// Writes the line of a failed call, unless ``FailureLog`` counts it with others.
    private func log(_ status: Status, _ hooks: Hooks, at now: NIODeadline, tookNs: UInt64) {
        let key = FailureLog.Key(
            model: hooks.meter?.model ?? hooks.model ?? "",
            code: status.code,
            principal: principal
        )
        guard let calls = route.failures.note(key, at: now) else { return }
        var metadata = logged(status, hooks, tookNs: tookNs)
        if calls > 1 { metadata["rpc.calls"] = "\(calls)" }
        connection.logger.log(level: key.level, "call failed", metadata: metadata)
    }

    private func logged(_ status: Status, _ hooks: Hooks, tookNs: UInt64) -> Logger.Metadata {
        var metadata: Logger.Metadata = [
            "rpc.method": "\(path)",
            "rpc.code": "\(status.code.name)",
            "rpc.microseconds": "\(tookNs / 1_000)",
            "principal": "\(principal.text)",
        ]
        if let model = hooks.meter?.model ?? hooks.model { metadata["model.name"] = "\(model)" }
        if let version = hooks.meter?.version, version > 0 {
            metadata["model.version"] = "\(version)"
        }
        if let traceID = hooks.traceID ?? TraceContext(metadata: origin.metadata)?.traceID {
            metadata["trace.id"] = "\(traceID)"
        }
        return metadata
    }
}
