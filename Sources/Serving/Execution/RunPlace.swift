internal import Engine
internal import Synchronization

/// The run under way on one executor, with its limit of time.
///
/// The executor begins and ends its runs here; ``RunWatch`` looks for those over their limits. The
/// requests of a run belong to the executor until the watch takes them: the one that has them
/// answers them.
final class RunPlace: Sendable {
    /// The time that a run has to end after it was stopped at its limit, in nanoseconds. Then its
    /// requests are answered without it.
    static let graceNs: UInt64 = 100_000_000
    /// The same time in an engine host, in nanoseconds: the channel ends the host before, and that
    /// end tells the requests of a batch apart.
    static let hostGraceNs: UInt64 = 2_000_000_000

    /// The requests of a run, and those of the same batch that are not answered yet either.
    struct Work {
        var jobs: [Job] = []
        /// Parts that are to run after it.
        var rest: [[Job]] = []
        /// Parts whose runs ended before it.
        var unsettled: [BatchRun.Unsettled] = []
        /// The number of the batch in its queue.
        fileprivate(set) var batch: UInt64 = 0
    }

    /// The way in which a run ended.
    enum End {
        case inTime
        /// It was stopped at its limit.
        case overTime
        /// It went on past its limit: its requests, and those that were to follow, were taken.
        case abandoned
    }

    /// The state of a place at some instant.
    enum Look {
        case idle
        case inTime
        /// The run has reached its limit and is to be stopped.
        case stop(RunStop)
        /// The run was stopped and goes on: its requests are to be answered.
        case abandon(Work)
    }

    private struct State {
        var work = Work()
        /// Nil: there is no run.
        var stop: RunStop?
        var endsAtNs: UInt64 = 0
        var end = End.inTime
    }

    private let state = Mutex(State())
    private let watch: RunWatch?
    private let graceNs: UInt64
    /// The number of the batch in its queue. Relaxed: it orders no memory.
    let batch = Atomic<UInt64>(0)

    /// - Parameters:
    ///   - watch: Told of each run; nil: none looks.
    ///   - isHosted: Whether its runs are those of a version in an engine host.
    init(watch: RunWatch? = nil, isHosted: Bool = false) {
        self.watch = watch
        graceNs = isHosted ? Self.hostGraceNs : Self.graceNs
    }

    /// Begins a run.
    func begin(_ work: Work, stop: RunStop) {
        var work = work
        work.batch = batch.load(ordering: .relaxed)
        state.withLock { state in
            state = State(work: work, stop: stop, endsAtNs: stop.endsAtNs ?? .max)
        }
        watch?.noteRun()
    }

    /// Ends the run.
    func end() -> End {
        state.withLock { state in
            defer { state = State() }
            return state.end
        }
    }

    /// Looks for a run over its limit. Each run is to be stopped once, and abandoned once.
    func look(atNs nowNs: UInt64) -> Look {
        state.withLock { state in
            guard let stop = state.stop else { return .idle }
            guard nowNs >= state.endsAtNs else { return .inTime }
            switch state.end {
            case .inTime:
                state.end = .overTime
                return .stop(stop)
            case .overTime where nowNs - state.endsAtNs >= graceNs:
                state.end = .abandoned
                defer { state.work = Work() }
                return .abandon(state.work)
            case .overTime, .abandoned:
                return .inTime
            }
        }
    }
}
