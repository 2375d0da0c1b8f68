internal import Synchronization

/// Ends runs that nobody waits for any more.
///
/// The one who asks for a run keeps it and calls ``stop()`` from any thread, before the run, in
/// the middle or after it. Engines attach what ends a run to it for as long as the run takes.
package final class RunStop: Sendable {
    private struct State {
        var isStopped = false
        var nextTicket: UInt64 = 0
        var actions: [(ticket: UInt64, action: @Sendable () -> Void)] = []
    }

    private let state = Mutex(State())

    /// The time at which the run is over its limit, in nanoseconds of the monotonic clock; nil:
    /// there is no limit.
    package let endsAtNs: UInt64?

    /// Makes one that has not been told to stop.
    package init(endsAtNs: UInt64? = nil) {
        self.endsAtNs = endsAtNs
    }

    /// Whether ``stop()`` was called.
    package var isStopped: Bool { state.withLock { $0.isStopped } }

    /// Ends the attached runs soon, and later ones at once. Further calls do nothing.
    package func stop() {
        let actions = state.withLock { state in
            state.isStopped = true
            defer { state.actions = [] }
            return state.actions
        }
        // Outside the lock: an action calls into a runtime.
        for entry in actions { entry.action() }
    }

    /// Runs `body` with `action` attached: for engines.
    ///
    /// - Parameters:
    ///   - action: Called by ``stop()``, at most once, on its thread, possibly still after `body`
    ///     has returned: it must keep alive what it touches.
    ///   - body: The run.
    /// - Returns: What `body` returns.
    /// - Throws: `terminated` without calling `body` if it is stopped already, or what `body`
    ///   throws.
    package func whileAttached<Result>(
        _ action: @escaping @Sendable () -> Void,
        run body: () throws(EngineError) -> Result
    ) throws(EngineError) -> Result {
        guard let ticket = attach(action) else { throw Self.terminated }
        defer { detach(ticket) }
        return try body()
    }

    /// What a run that was ended throws.
    package static let terminated = EngineError(.terminated, "the run was ended before it was done")

    private func attach(_ action: @escaping @Sendable () -> Void) -> UInt64? {
        state.withLock { state in
            guard !state.isStopped else { return nil }
            state.nextTicket += 1
            state.actions.append((ticket: state.nextTicket, action: action))
            return state.nextTicket
        }
    }

    private func detach(_ ticket: UInt64) {
        state.withLock { state in state.actions.removeAll { $0.ticket == ticket } }
    }
}
