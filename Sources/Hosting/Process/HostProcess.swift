internal import Engine
internal import Glibc
internal import Sandbox
package import Sealing
internal import Synchronization

/// The server's side of one engine host's process: its start, its output, its end.
///
/// A thread of its own reads what the host says and writes, until the process has ended and was
/// reaped. It holds this object for that long.
package final class HostProcess: Sendable {
    /// Milliseconds that a process may take to end after its control socket has ended.
    private static let endMs = 1_000
    private static let readBytes = 4_096
    /// Milliseconds without output after which its reader is told of the pause.
    private static let outputPauseMs: Int32 = 1_100
    /// Nanoseconds that a host may leave one frame that is sent to it unread.
    private static let sendNs: UInt64 = 30_000_000_000
    /// Seconds within which the rest of a frame of the host follows its beginning.
    private static let frameSeconds = 10

    /// The place of runs.
    package let channel: HostChannel
    /// The process.
    package let process: StartedProcess
    private let control: ControlSocket
    /// The stream to which libraries in the host write.
    private let output: Int32
    private let inbox = HostInbox()
    private let kills: OutOfMemoryKills
    private let state = Mutex(State())

    private struct State {
        /// Why the server has ended the process.
        var cause: HostEnd?
        var end: HostEnd?
        /// Called at the end.
        var observers: [@Sendable (HostEnd) -> Void] = []
        var takeOutput: (@Sendable ([UInt8]) -> Void)?
        /// Output that came before it had a reader; bounded.
        var earlyOutput: [UInt8] = []
    }

    /// Starts a host. The host is ended by the kernel when the calling *thread* ends.
    ///
    /// - Throws: `unavailable` if the system has no memory, descriptor, process or thread for it.
    init(_ setup: HostSetup, kills: OutOfMemoryKills) throws(EngineError) {
        channel = try HostChannel(
            ringBytes: setup.ringBytes,
            lanes: setup.lanes,
            budget: setup.budget
        )
        self.kills = kills
        kills.look()
        do throws(SealingError) {
            let what = "an engine host"
            let (ours, theirs) = try SocketPair.make(what)
            control = ControlSocket(descriptor: ours, takesDescriptors: false)
            defer { SocketPair.close(theirs) }
            let (output, theirOutput) = try SocketPair.make(what)
            self.output = output
            defer { SocketPair.close(theirOutput) }
            do throws(SealingError) {
                process = try StartedProcess(
                    setup.program,
                    ["strongroom", HostSetup.command],
                    environment: HostSetup.environment,
                    descriptors: [theirs, theirOutput, theirOutput, channel.memoryDescriptor],
                    what: what
                )
            } catch {
                SocketPair.close(output)
                throw error
            }
        } catch {
            throw Self.notStarted(error.message)
        }
        channel.attach(control) { [weak self] end in self?.kill(end) }
        guard WorkerThread.begin("engine-host", { self.watch() }) else {
            process.kill()
            _ = process.wait()
            SocketPair.close(output)
            throw Self.notStarted("the system starts no thread")
        }
    }

    private static func notStarted(_ detail: String) -> EngineError {
        EngineError(.unavailable, "no process could be started for the model", detail: detail)
    }

    // MARK: - While a model is loaded

    /// Waits for the next message of the host, or its end.
    ///
    /// - Parameter endsAtNs: Until when to wait, in nanoseconds of the monotonic clock.
    package func next(untilNs endsAtNs: UInt64) -> HostEvent { inbox.next(untilNs: endsAtNs) }

    /// Takes no more messages: the model is loaded. A host that sends one from now on, or has sent
    /// one that was not waited for, is ended.
    package func endMessages() {
        guard !inbox.close() else { return }
        kill(.lied("it sent a message after its last one"))
    }

    /// Sends bytes of a file, in frames. A host that does not read is ended.
    ///
    /// - Parameter endsAtNs: Until when all of them are to be read, as for ``next(untilNs:)``.
    /// - Returns: Whether they were sent; the end of the host is known soon if not.
    package func send(_ bytes: RawSpan, untilNs endsAtNs: UInt64) -> Bool {
        var left = bytes
        while left.byteCount > 0 {
            let count = min(left.byteCount, HostMessages.maxPieceBytes)
            guard send(.bytes, left.extracting(first: count), endsAtNs) else { return false }
            left = left.extracting(droppingFirst: count)
        }
        return true
    }

    /// Sends a message. A host that does not read is ended.
    ///
    /// - Parameter endsAtNs: As for ``send(_:untilNs:)``.
    /// - Returns: Whether it was sent; the end of the host is known soon if not.
    package func send(message: [UInt8], untilNs endsAtNs: UInt64) -> Bool {
        send(.message, unsafe message.span.bytes, endsAtNs)
    }

    private func send(_ kind: FrameKind, _ payload: RawSpan, _ endsAtNs: UInt64) -> Bool {
        let nowNs = MonotonicTime.nowNs
        let leftNs = endsAtNs > nowNs ? endsAtNs - nowNs : 0
        // Rounded up: a call with 0 seconds would not wait for room.
        let seconds = (min(leftNs, Self.sendNs) + 999_999_999) / 1_000_000_000
        guard leftNs > 0, control.send(kind, payload, seconds: Int(seconds)) else {
            let isLate = MonotonicTime.nowNs >= endsAtNs
            kill(isLate ? .overTime : .lied("it did not read what was sent to it"))
            return false
        }
        return true
    }

    // MARK: - Output

    /// Hands over what libraries in the host write: what was written so far, what follows, and no
    /// bytes after a pause in it. Not called any more when the end is known.
    package func takeOutput(_ take: @escaping @Sendable ([UInt8]) -> Void) {
        let early = state.withLock { state in
            state.takeOutput = take
            defer { state.earlyOutput = [] }
            return state.earlyOutput
        }
        if !early.isEmpty { take(early) }
    }

    private func took(_ bytes: ArraySlice<UInt8>) {
        let take = state.withLock { state in
            if state.takeOutput == nil {
                let room = Self.readBytes - state.earlyOutput.count
                state.earlyOutput += bytes.prefix(room)
            }
            return state.takeOutput
        }
        take?(Array(bytes))
    }

    // MARK: - The end

    /// How the process has ended; nil: it has not.
    package var end: HostEnd? { state.withLock { $0.end } }

    /// Ends the process by SIGKILL. The first reason counts.
    package func kill(_ cause: HostEnd) {
        state.withLock { $0.cause = $0.cause ?? cause }
        process.kill()
        // The thread is not to depend on the kernel for the end of the stream: another copy of the
        // host's descriptor would keep it open. The signal comes first, so that the process has
        // no time to end by itself.
        control.shutDown()
    }

    /// Calls `body` when the process has ended and was reaped, on the thread that noticed it, or
    /// at once if it has.
    package func whenEnded(_ body: @escaping @Sendable (HostEnd) -> Void) {
        let end = state.withLock { state in
            if state.end == nil { state.observers.append(body) }
            return state.end
        }
        if let end { body(end) }
    }

    /// Waits until the process was reaped, for a bounded time; nil: it was not.
    package func waitForEnd(milliseconds: UInt64) -> HostEnd? {
        let gone = CountingSemaphore()
        whenEnded { _ in gone.signal() }
        _ = gone.wait(untilNs: MonotonicTime.nowNs + milliseconds * 1_000_000)
        return end
    }

    // MARK: - The thread

    private func watch() {
        var isOutputOpen = true
        /// Whether output was taken, and no pause in it noted yet.
        var isTalking = false
        while true {
            var polled = [pollfd(fd: control.descriptor, events: Int16(POLLIN), revents: 0)]
            if isOutputOpen {
                polled.append(pollfd(fd: output, events: Int16(POLLIN), revents: 0))
            }
            let wait = isTalking ? Self.outputPauseMs : -1
            guard unsafe poll(&polled, nfds_t(polled.count), wait) > 0 else {
                if isTalking { took([]) }
                isTalking = false
                continue
            }
            if isOutputOpen, polled[1].revents != 0 {
                isOutputOpen = readOutput(wait: true)
                isTalking = true
            }
            if polled[0].revents != 0, !readFrame() { break }
        }
        let end = reap()
        while isOutputOpen { isOutputOpen = readOutput(wait: false) }
        SocketPair.close(output)
        channel.ended(end)
        inbox.end(end)
        let observers = state.withLock { state in
            state.end = end
            state.takeOutput = nil
            defer { state.observers = [] }
            return state.observers
        }
        for observer in observers { observer(end) }
    }

    /// Reads one frame; false when no more follow.
    private func readFrame() -> Bool {
        let frame = control.receive(
            maxBytes: HostMessages.maxReportBytes,
            seconds: Self.frameSeconds
        )
        guard let frame else { return false }
        guard frame.kind == .message, inbox.add(frame.payload) else {
            kill(.lied("it sent what no engine host sends"))
            return false
        }
        return true
    }

    /// Reads output that is there; false when the stream has ended, or `wait` is false and there
    /// is none.
    private func readOutput(wait: Bool) -> Bool {
        var buffer = [UInt8](repeating: 0, count: Self.readBytes)
        let flags = wait ? 0 : Int32(MSG_DONTWAIT)
        let count = unsafe recv(output, &buffer, buffer.count, flags)
        if count > 0 { took(buffer[..<count]) }
        return count > 0
    }

    /// Waits for the end of a process whose stream has ended.
    private func reap() -> HostEnd {
        var ending = process.wait(milliseconds: Self.endMs)
        if ending == nil {
            kill(.lied("it closed its control socket"))
            ending = process.wait()
        }
        let cause = state.withLock { $0.cause }
        switch ending {
        case .killed(SIGKILL):
            if let cause { return cause }
            return kills.hasGrown() ? .outOfMemory : .killed(SIGKILL)
        case .killed(let signal):
            guard signal == SIGSYS, let call = channel.forbiddenCall else {
                return .killed(signal)
            }
            return .forbidden(Sandbox.callName(call))
        case .exited(let status): return .exited(status)
        case nil: return .killed(SIGKILL)
        }
    }
}
