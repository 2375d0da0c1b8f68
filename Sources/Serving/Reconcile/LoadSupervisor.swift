internal import Engine
internal import Synchronization

/// The supervision of one load in the server: stops its runs at a limit of time or memory, and lets
/// its caller abandon it if it goes on.
///
/// The caller's thread calls ``mayGoOn()`` every 10 ms; the load's thread calls the rest.
final class LoadSupervisor: Sendable {
    /// The limits of one load.
    struct Limits: Sendable {
        var time: Duration
        /// The growth of the process that is allowed.
        var memoryBytes: UInt64
        /// As in ``LoadPatience``.
        var grace: Duration
    }

    private struct State {
        var step: LoadStep?
        var overrun: String?
        var stoppedAt: ContinuousClock.Instant?
        var hasEnded = false
        var isAbandoned = false
    }

    /// Ends the runs of the load.
    let stop = RunStop()
    private let limits: Limits
    private let watch: LoadWatch
    private let now: @Sendable () -> ContinuousClock.Instant
    private let begin: ContinuousClock.Instant
    private let state = Mutex(State())

    /// Begins the supervision; the time counts from here.
    init(
        _ limits: Limits,
        watch: LoadWatch,
        now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
    ) {
        self.limits = limits
        self.watch = watch
        self.now = now
        begin = now()
    }

    /// The limit that the load went over, as a clause with it as the subject; nil: none.
    var overrun: String? { state.withLock { $0.overrun } }

    /// The step that the load has reached, for messages.
    var place: String { state.withLock { $0.step?.place ?? "before the model was loaded" } }

    /// Whether the load has ended, abandoned or not.
    var hasEnded: Bool { state.withLock { $0.hasEnded } }

    /// Notes the begin of a step.
    func reached(_ step: LoadStep) { state.withLock { $0.step = step } }

    /// Notes the end of the load.
    /// - Returns: Whether it was abandoned before.
    func end() -> Bool {
        state.withLock { state in
            state.hasEnded = true
            return state.isAbandoned
        }
    }

    /// Looks at time and memory.
    /// - Returns: False once the load is abandoned.
    func mayGoOn() -> Bool {
        watch.look()
        let now = now()
        let (isOver, mayGoOn) = state.withLock { state in
            if let stoppedAt = state.stoppedAt {
                guard now - stoppedAt >= limits.grace, !state.hasEnded else { return (false, true) }
                state.isAbandoned = true
                return (false, false)
            }
            guard let overrun = overrun(at: now) else { return (false, true) }
            state.overrun = overrun
            state.stoppedAt = now
            return (true, true)
        }
        // Outside the lock: it calls into a runtime.
        if isOver { stop.stop() }
        return mayGoOn
    }

    private func overrun(at now: ContinuousClock.Instant) -> String? {
        if now - begin >= limits.time {
            return "did not end in \(limits.time.components.seconds) s"
        }
        guard watch.serverGrowthBytes > limits.memoryBytes else { return nil }
        return "took more than \(limits.memoryBytes >> 20) MiB of memory"
    }
}
