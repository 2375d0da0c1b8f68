internal import Dispatch
package import Engine
internal import Synchronization

/// A place in a fake engine where calls wait until the test lets them on.
///
/// The engine's side blocks its thread, as a real load or run does; the test's side suspends. No
/// clock is involved: a test says exactly how far things have come.
package final class Gate: Sendable {
    private struct State {
        var isOpen: Bool
        var permits = 0
        var arrived = 0
        var blocked: [DispatchSemaphore] = []
        var watchers: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
    }

    private let state: Mutex<State>

    /// Makes a gate.
    ///
    /// - Parameter isOpen: Whether calls pass it without waiting.
    package init(isOpen: Bool = false) {
        state = Mutex(State(isOpen: isOpen))
    }

    /// How many calls have come to the gate so far, those that went on included.
    package var arrived: Int { state.withLock { $0.arrived } }

    /// Lets everything pass, now and from now on.
    package func open() {
        let blocked = state.withLock { state in
            state.isOpen = true
            defer { state.blocked = [] }
            return state.blocked
        }
        for semaphore in blocked { semaphore.signal() }
    }

    /// Lets calls wait again.
    package func close() {
        state.withLock { state in
            state.isOpen = false
            state.permits = 0
        }
    }

    /// Lets a number of calls pass: those that wait first, in the order of their arrival.
    package func release(_ count: Int = 1) {
        let blocked = state.withLock { state in
            let freed = min(count, state.blocked.count)
            state.permits += count - freed
            defer { state.blocked.removeFirst(freed) }
            return Array(state.blocked.prefix(freed))
        }
        for semaphore in blocked { semaphore.signal() }
    }

    /// Waits until that many calls have come to the gate since it was made.
    package func waitForArrivals(_ count: Int) async {
        await withCheckedContinuation { continuation in
            let isThere = state.withLock { state in
                if state.arrived >= count { return true }
                state.watchers.append((count: count, continuation: continuation))
                return false
            }
            if isThere { continuation.resume() }
        }
    }

    /// Blocks the calling thread until it may pass: the engine's side.
    package func pass() {
        pass(with: DispatchSemaphore(value: 0))
    }

    /// Blocks the calling thread until it may pass or is told to stop, as a real run is.
    ///
    /// - Parameter stop: What ends the wait; nil if nothing will.
    /// - Throws: `terminated` if it was stopped.
    package func pass(stop: RunStop?) throws(EngineError) {
        guard let stop else { return pass() }
        let semaphore = DispatchSemaphore(value: 0)
        try stop.whileAttached({ self.leave(semaphore) }) { () throws(EngineError) in
            pass(with: semaphore)
        }
        if stop.isStopped { throw RunStop.terminated }
    }

    private func pass(with semaphore: DispatchSemaphore) {
        let (mustWait, reached) = state.withLock { state in
            state.arrived += 1
            let arrived = state.arrived
            let reached = state.watchers.filter { $0.count <= arrived }
            state.watchers.removeAll { $0.count <= arrived }
            if state.isOpen { return (false, reached) }
            if state.permits > 0 {
                state.permits -= 1
                return (false, reached)
            }
            state.blocked.append(semaphore)
            return (true, reached)
        }
        for watcher in reached { watcher.continuation.resume() }
        if mustWait { semaphore.wait() }
    }

    /// The signal is given even to a call that does not wait yet: it then passes at once.
    private func leave(_ semaphore: DispatchSemaphore) {
        state.withLock { state in state.blocked.removeAll { $0 === semaphore } }
        semaphore.signal()
    }
}
