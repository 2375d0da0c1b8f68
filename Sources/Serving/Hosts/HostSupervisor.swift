internal import Engine
internal import Hosting
internal import Logging
internal import Synchronization

/// The engine host of one loaded version, over its restarts: a host that ends unexpectedly is
/// replaced at once, and runs wait for the new one.
///
/// After a failed start, and when hosts end one after the other without any run, there are pauses
/// as ``HostBackOff`` says; runs fail meanwhile.
final class HostSupervisor<Starter: HostStarter>: Sendable {
    private enum Phase {
        /// A host is being started.
        case starting
        case running(Starter.Host, sinceNs: UInt64)
        case pausing(untilNs: UInt64, reason: String)
        case released
    }

    private struct State {
        var phase = Phase.starting
        /// The host that loads or runs.
        var host: Starter.Host?
        /// Runs that wait for the start, each by a number of its own.
        var waiting: [UInt64: CountingSemaphore] = [:]
        var lastTicket: UInt64 = 0
        var backOff = HostBackOff()

        var isReleased: Bool { if case .released = phase { true } else { false } }

        mutating func wait() -> Step {
            lastTicket += 1
            let semaphore = CountingSemaphore()
            waiting[lastTicket] = semaphore
            return .wait(lastTicket, semaphore)
        }

        /// All runs that wait, to be signalled.
        mutating func takeWaiting() -> [CountingSemaphore] {
            defer { waiting = [:] }
            return Array(waiting.values)
        }
    }

    private let id: VersionID
    private let starter: Starter
    private let loadSeconds: Int
    private let clock: HostClock
    private let logger: Logger
    private let state = Mutex(State())
    /// Whether the host that serves was given a run. Relaxed: it orders nothing.
    private let isUsed = Atomic(false)
    /// Signalled at the release, for a pause.
    private let wake = CountingSemaphore()
    /// The description of the version by its first host.
    private let first = Mutex<HostedFindings?>(nil)

    /// Prepares the hosts of a version.
    ///
    /// - Parameter loadSeconds: How long a run waits for a host at the most.
    init(
        _ id: VersionID,
        _ starter: Starter,
        loadSeconds: Int,
        logger: Logger,
        clock: HostClock = .system
    ) {
        self.id = id
        self.starter = starter
        self.loadSeconds = loadSeconds
        self.logger = logger
        self.clock = clock
    }

    // MARK: - Starts

    /// Starts the first host. Blocking.
    ///
    /// - Throws: The failure of a check.
    func start(known: VersionFindings?) throws(Loader.Failure) -> HostedFindings {
        let (host, found) = try starter.start(
            agreeingWith: nil,
            known: known,
            isWanted: { adopt($0) }
        )
        first.withLock { $0 = found }
        serve(with: host)
        return found
    }

    /// Takes a host that is to load the version: a release ends it from then on.
    private func adopt(_ host: Starter.Host) -> Bool {
        state.withLock { state in
            if !state.isReleased { state.host = host }
            return !state.isReleased
        }
    }

    /// Lets runs go to a host, until its end.
    private func serve(with host: Starter.Host) {
        isUsed.store(false, ordering: .relaxed)
        let nowNs = clock.nowNs
        let waiting = state.withLock { state in
            guard !state.isReleased else { return [CountingSemaphore]() }
            state.phase = .running(host, sinceNs: nowNs)
            state.backOff.started()
            return state.takeWaiting()
        }
        for semaphore in waiting { semaphore.signal() }
        host.whenEnded { [weak self] end in self?.ended(end) }
    }

    /// The host that serves has ended.
    private func ended(_ end: HostEnd) {
        let nowNs = clock.nowNs
        let (isUnexpected, pause): (Bool, UInt64?) = state.withLock { state in
            guard case .running(_, let sinceNs) = state.phase else { return (false, nil) }
            state.phase = .starting
            state.host = nil
            let pause = state.backOff.ended(
                wasUsed: isUsed.load(ordering: .relaxed),
                lifeNs: nowNs - sinceNs
            )
            return (true, pause)
        }
        guard isUnexpected else { return }
        logger.warning("the process of a model has ended", metadata: metadata(end.text))
        let idle = pause.map { Pause(seconds: $0, reason: Self.idleReason(end)) }
        // Not this thread: it may be the one that loads, or one that a run waits for.
        if !WorkerThread.begin("host-restart", { self.restart(after: idle) }) {
            restart(after: idle)
        }
    }

    private static func idleReason(_ end: HostEnd) -> String {
        "the model's process ended more than \(HostBackOff.maxIdleEnds) times without a run: it "
            + end.text
    }

    /// Starts hosts until one serves, or the version is released.
    private func restart(after firstPause: Pause?) {
        var next = firstPause
        while true {
            if let pause = next { wait(for: pause) }
            guard beginStart() else { return }
            do throws(Loader.Failure) {
                return serve(with: try restarted())
            } catch {
                next = Pause(
                    seconds: state.withLock { $0.backOff.failed() },
                    reason: "the model's process could not be started again: \(error.reason)"
                )
            }
        }
    }

    /// False: the version was released.
    private func beginStart() -> Bool {
        state.withLock { state in
            guard !state.isReleased else { return false }
            state.phase = .starting
            return true
        }
    }

    private func restarted() throws(Loader.Failure) -> Starter.Host {
        let sinceNs = clock.nowNs
        let known = first.withLock { $0 }
        let (host, _) = try starter.start(
            agreeingWith: known,
            known: known?.findings,
            isWanted: { adopt($0) }
        )
        let ms = (clock.nowNs - sinceNs) / 1_000_000
        logger.info(
            "a model has a new process",
            metadata: metadata(nil).merging(["ms": "\(ms)"]) { $1 }
        )
        return host
    }

    private struct Pause {
        let seconds: UInt64
        let reason: String
    }

    /// Lets runs fail for a while, or until the release.
    private func wait(for pause: Pause) {
        let untilNs = clock.nowNs + pause.seconds * 1_000_000_000
        let waiting: [CountingSemaphore]? = state.withLock { state in
            guard !state.isReleased else { return nil }
            state.phase = .pausing(untilNs: untilNs, reason: pause.reason)
            return state.takeWaiting()
        }
        guard let waiting else { return }
        for semaphore in waiting { semaphore.signal() }
        logger.warning("a model has no process for now", metadata: metadata(pause.reason))
        _ = clock.wait(for: wake, untilNs: untilNs)
    }

    private func metadata(_ reason: String?) -> Logger.Metadata {
        var metadata: Logger.Metadata = [
            "model.name": "\(id.model)", "model.version": "\(id.version)",
        ]
        if let reason { metadata["reason"] = "\(reason)" }
        return metadata
    }

    // MARK: - Runs

    private enum Step {
        case host(Starter.Host)
        case wait(UInt64, CountingSemaphore)
    }

    /// The host for a run: waits for one that is being started, at most until the run's own limit
    /// and as long as a load may take.
    ///
    /// - Throws: `unavailable` while there is none, `overTime` or `terminated` for a run that ended
    ///   in the meantime.
    func host(for stop: RunStop?) throws(EngineError) -> Starter.Host {
        var endsAtNs: UInt64?
        while true {
            switch try step() {
            case .host(let host):
                if !isUsed.load(ordering: .relaxed) { isUsed.store(true, ordering: .relaxed) }
                return host
            case .wait(let ticket, let semaphore):
                let untilNs =
                    endsAtNs
                    ?? min(
                        clock.nowNs + UInt64(loadSeconds) * 1_000_000_000,
                        stop?.endsAtNs ?? .max
                    )
                endsAtNs = untilNs
                defer { state.withLock { _ = $0.waiting.removeValue(forKey: ticket) } }
                try wait(for: semaphore, untilNs: untilNs, stop)
            }
        }
    }

    private func step() throws(EngineError) -> Step {
        let result: Result<Step, EngineError> = state.withLock { state in
            switch state.phase {
            case .running(let host, _) where !host.isOver: return .success(.host(host))
            // The end of the host that served is noticed in a moment.
            case .running, .starting: return .success(state.wait())
            case .pausing(let untilNs, let reason):
                let nowNs = clock.nowNs
                let seconds = untilNs > nowNs ? (untilNs - nowNs + 999_999_999) / 1_000_000_000 : 0
                return .failure(
                    EngineError(.unavailable, "\(reason); it is tried again in \(seconds) s")
                )
            case .released:
                return .failure(EngineError(.unavailable, "the model was released"))
            }
        }
        return try result.get()
    }

    /// Waits for a signal.
    ///
    /// - Throws: If there was none in time, or the run was stopped.
    private func wait(
        for semaphore: CountingSemaphore,
        untilNs: UInt64,
        _ stop: RunStop?
    ) throws(EngineError) {
        guard let stop else {
            guard clock.wait(for: semaphore, untilNs: untilNs) else { throw notStarted }
            return
        }
        let isSignalled = try stop.whileAttached({ semaphore.signal() }) {
            clock.wait(for: semaphore, untilNs: untilNs)
        }
        if stop.isStopped { throw RunStop.terminated }
        guard !isSignalled else { return }
        guard let endsAtNs = stop.endsAtNs, endsAtNs <= untilNs else { throw notStarted }
        throw EngineError(
            .overTime,
            "the run's limit of time passed while the model's process was started again"
        )
    }

    private var notStarted: EngineError {
        EngineError(
            .unavailable,
            "the model's process was not started again in \(loadSeconds) s"
        )
    }

    // MARK: - The end

    /// Ends the host and starts no other. Returns when the process was reaped, or after two
    /// seconds.
    func release() {
        let (host, waiting) = state.withLock { state in
            state.phase = .released
            defer { state.host = nil }
            return (state.host, state.takeWaiting())
        }
        wake.signal()
        for semaphore in waiting { semaphore.signal() }
        host?.kill(.released)
        _ = host?.waitForEnd(milliseconds: 2_000)
    }
}
