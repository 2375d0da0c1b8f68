/// The batches that run on the threads of a pool, and the rules on those that may run beside them:
/// no threads, no clock.
///
/// On threads that all models share, long runs of one model cannot take them all: where all are busy
/// and one has a long run, a model without a run begins one on a relief thread. A model whose last
/// runs were not all short counts as one of long runs from the begin of a run on.
struct RunningBatches {
    /// The age from which on any run is long, in nanoseconds.
    static let longNs: UInt64 = 500_000_000
    /// A run that took so long makes the next ones of its model long from their begin on.
    static let slowNs: UInt64 = 10_000_000
    /// The time for which that is remembered, in nanoseconds.
    static let memoryNs: UInt64 = 60_000_000_000
    /// The threads that a pool has at most beyond its own.
    static let maxReliefThreads = 4

    private struct Running {
        let id: UInt64
        let model: String
        let beganAtNs: UInt64
        let isExclusive: Bool
        /// Whether another run went on at some time of it.
        var hadCompany = false
        /// Whether it has gone on past its limit, its requests answered.
        var isHeld = false
    }

    /// Whether the versions of several models run here; else one version does, in a host.
    private let isShared: Bool
    private let ownThreads: Int
    /// The threads that there are.
    private(set) var threads: Int
    /// Relief threads that are to end.
    private var surplus = 0
    private var runs: [Running] = []
    private var lastID: UInt64 = 0
    /// Models that had a slow run, and until when that counts; those of the past go with the next.
    private var slowUntilNs: [String: UInt64] = [:]

    init(threads: Int, isShared: Bool) {
        ownThreads = threads
        self.threads = threads
        self.isShared = isShared
    }

    /// Notes that a batch begins.
    /// - Returns: its number.
    mutating func begin(_ batch: [Job], atNs nowNs: UInt64) -> UInt64 {
        lastID += 1
        guard let first = batch.first else { return lastID }
        for index in runs.indices { runs[index].hadCompany = true }
        runs.append(
            Running(
                id: lastID,
                model: first.slot.id.model,
                beganAtNs: nowNs,
                isExclusive: first.isExclusive,
                hadCompany: !runs.isEmpty
            )
        )
        return lastID
    }

    /// Notes that a batch has ended.
    mutating func end(_ id: UInt64, atNs nowNs: UInt64) {
        guard let index = runs.firstIndex(where: { $0.id == id }) else { return }
        let run = runs.remove(at: index)
        guard isShared, Self.age(run, nowNs) >= Self.slowNs else { return }
        if slowUntilNs[run.model] == nil {
            slowUntilNs = slowUntilNs.filter { $0.value > nowNs }
        }
        slowUntilNs[run.model] = nowNs + Self.memoryNs
    }

    private static func age(_ run: Running, _ nowNs: UInt64) -> UInt64 {
        nowNs > run.beganAtNs ? nowNs - run.beganAtNs : 0
    }

    /// Whether another batch ran at some time of this one.
    func hadCompany(_ id: UInt64) -> Bool { runs.first { $0.id == id }?.hadCompany ?? true }

    /// Notes that a run goes on though its requests were answered.
    mutating func hold(_ id: UInt64) {
        guard let index = runs.firstIndex(where: { $0.id == id }) else { return }
        runs[index].isHeld = true
    }

    /// Whether runs go on though their requests were answered.
    var hasHeld: Bool { runs.contains(where: \.isHeld) }

    /// The runs of a model that go on though their requests were answered.
    func held(of model: String) -> Int { runs.count { $0.isHeld && $0.model == model } }

    /// Whether some request may have to wait for the end of another's run. At the end of a server
    /// all threads take what is left.
    func isRestricted(isStopped: Bool) -> Bool {
        isShared ? !isStopped && runs.count >= ownThreads : !runs.isEmpty
    }

    /// Whether a request may run beside those that run.
    func admits(_ job: Job) -> Bool {
        guard isShared else {
            return job.isExclusive ? runs.isEmpty : !runs.contains(where: \.isExclusive)
        }
        return runs.count < ownThreads || !runs.contains { $0.model == job.slot.id.model }
    }

    /// Whether all threads run something, one of them a long run, and one more may be added.
    func mayAdd(atNs nowNs: UInt64) -> Bool {
        guard isShared, runs.count >= threads, threads < ownThreads + Self.maxReliefThreads else {
            return false
        }
        return runs.contains { run in
            Self.age(run, nowNs) >= Self.longNs || slowUntilNs[run.model] ?? 0 > nowNs
        }
    }

    /// Adds a relief thread.
    mutating func add() { threads += 1 }

    /// Takes a thread away that could not be started.
    mutating func lose() { threads = max(threads - 1, ownThreads) }

    /// Lets a relief thread end if the pool's own are enough.
    /// - Returns: whether a thread is to be woken for that.
    mutating func dismiss() -> Bool {
        guard threads > ownThreads, runs.count < ownThreads else {
            surplus = 0
            return false
        }
        surplus = 1
        return true
    }

    /// Takes away a thread that is not needed any more.
    /// - Returns: whether the calling thread is to end.
    mutating func retire() -> Bool {
        guard surplus > 0 else { return false }
        surplus -= 1
        threads -= 1
        return true
    }
}
