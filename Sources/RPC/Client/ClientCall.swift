internal import NIOCore
internal import Synchronization
internal import Wire

/// One call of a client: its frame, and who waits for the reply.
///
/// It has one outcome: whoever resolves it first, the connection or a cancellation.
final class ClientCall: Sendable {
    typealias Outcome = Result<ByteBuffer, Status>

    private enum State {
        /// Nobody waits yet.
        case new
        case waiting(CheckedContinuation<Outcome, Never>)
        case resolved(Outcome)
    }

    /// The whole request frame, its stream id still 0.
    let frame: ByteBuffer
    /// When the caller stops waiting; nil: never.
    let deadline: NIODeadline?
    private let state = Mutex(State.new)

    init(frame: ByteBuffer, deadline: NIODeadline?) {
        self.frame = frame
        self.deadline = deadline
    }

    /// Whether the outcome is known.
    var isResolved: Bool {
        state.withLock { state in
            if case .resolved = state { true } else { false }
        }
    }

    /// Resumes `continuation` with the outcome, now or later; once a call.
    func wait(_ continuation: CheckedContinuation<Outcome, Never>) {
        let outcome: Outcome? = state.withLock { state in
            if case .resolved(let outcome) = state { return outcome }
            state = .waiting(continuation)
            return nil
        }
        if let outcome { continuation.resume(returning: outcome) }
    }

    /// Decides the outcome, unless that has happened.
    func resolve(_ outcome: Outcome) {
        let continuation: CheckedContinuation<Outcome, Never>? = state.withLock { state in
            switch state {
            case .new:
                state = .resolved(outcome)
                return nil
            case .waiting(let continuation):
                state = .resolved(outcome)
                return continuation
            case .resolved:
                return nil
            }
        }
        continuation?.resume(returning: outcome)
    }
}
