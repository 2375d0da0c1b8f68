internal import Engine
internal import Synchronization

/// An event of a host for the thread that loads a model in it.
package enum HostEvent: Sendable {
    /// A message of the host.
    case message([UInt8])
    /// The host has ended.
    case ended(HostEnd)
    /// Nothing came in time.
    case outOfTime
}

/// The messages of a host that were not read yet, and its end. Bounded: a host that sends more is
/// not read further.
final class HostInbox: Sendable {
    /// Messages that may wait. A host sends one for each step and for each file, and waits for the
    /// answer of the latter.
    static let maxMessages = 8_192
    /// Bytes of the messages that may wait.
    static let maxBytes = 16 << 20

    private struct State {
        var messages: [[UInt8]] = []
        var byteCount = 0
        var end: HostEnd?
        var isClosed = false
    }

    private let state = Mutex(State())
    /// Counts messages, and the end.
    private let count = CountingSemaphore()

    /// Adds a message; false if there is no room for it, or none is taken any more.
    func add(_ message: [UInt8]) -> Bool {
        let isTaken = state.withLock { state in
            guard !state.isClosed, state.messages.count < Self.maxMessages,
                state.byteCount + message.count <= Self.maxBytes
            else { return false }
            state.messages.append(message)
            state.byteCount += message.count
            return true
        }
        if isTaken { count.signal() }
        return isTaken
    }

    /// Takes no more messages.
    ///
    /// - Returns: Whether all that came were read.
    func close() -> Bool {
        state.withLock { state in
            state.isClosed = true
            return state.messages.isEmpty
        }
    }

    /// Notes the end; the first counts.
    func end(_ end: HostEnd) {
        state.withLock { $0.end = $0.end ?? end }
        count.signal()
    }

    /// Waits for the next event.
    func next(untilNs endsAtNs: UInt64) -> HostEvent {
        guard count.wait(untilNs: endsAtNs) else { return .outOfTime }
        return state.withLock { state in
            guard state.messages.isEmpty else {
                let message = state.messages.removeFirst()
                state.byteCount -= message.count
                return .message(message)
            }
            // The end is not taken out: each later call finds it.
            count.signal()
            return state.end.map { .ended($0) } ?? .outOfTime
        }
    }
}
