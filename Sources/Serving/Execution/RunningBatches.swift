/// The batches that run on the threads of a pool, and the rules on those that may run beside them:
/// no threads, no clock.
///
/// On threads that all models share, one model cannot take them all for long. A model with a run
/// that has lasted ``longNs`` leaves the last free thread to others, and for each such model the
/// pool has a thread more, so that its own requests lose none.
struct RunningBatches {
    /// The age from which on a run is long, in nanoseconds.
    static let longNs: UInt64 = 500_000_000
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
    private var runs: [Running] = []
    private var lastID: UInt64 = 0

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
    mutating func end(_ id: UInt64) { runs.removeAll { $0.id == id } }

    /// Whether another batch ran at some time of this one.
    func hadCompany(_ id: UInt64) -> Bool { runs.first { $0.id == id }?.hadCompany ?? true }

    /// Notes that a run goes on though its requests were answered.
    mutating func hold(_ id: UInt64) {
        guard let index = runs.firstIndex(where: { $0.id == id }) else { return }
        runs[index].isHeld = true
    }

    /// The runs of a model that go on though their requests were answered.
    func held(of model: String) -> Int { runs.count { $0.isHeld && $0.model == model } }

    /// Whether some request may have to wait for the end of another's run. At the end of a server
    /// no model has to leave a thread to others.
    func isRestricted(atNs nowNs: UInt64, isStopped: Bool) -> Bool {
        guard isShared else { return !runs.isEmpty }
        return !isStopped && threads - runs.count == 1 && runs.contains { Self.isLong($0, nowNs) }
    }

    /// Whether a request may run beside those that run.
    func admits(_ job: Job, atNs nowNs: UInt64) -> Bool {
        guard isShared else {
            return job.isExclusive ? runs.isEmpty : !runs.contains(where: \.isExclusive)
        }
        guard threads - runs.count == 1 else { return true }
        return !runs.contains { Self.isLong($0, nowNs) && $0.model == job.slot.id.model }
    }

    /// Whether the threads that are free are not needed any more. They take nothing, or one model
    /// could hold them all with young runs, and no thread would be added when those get long.
    func hasOnlySurplus(atNs nowNs: UInt64) -> Bool {
        threads > ownThreads && runs.count >= wantedThreads(atNs: nowNs)
    }

    /// Adds the threads that are missing.
    /// - Returns: how many have to be started.
    mutating func relieve(atNs nowNs: UInt64) -> Int {
        let missing = max(wantedThreads(atNs: nowNs) - threads, 0)
        threads += missing
        return missing
    }

    /// Takes a thread away that could not be started.
    mutating func lose() { threads = max(threads - 1, ownThreads) }

    /// Whether a thread waits for work that is not needed any more.
    func hasIdleSurplus(atNs nowNs: UInt64) -> Bool {
        runs.count < threads && threads > wantedThreads(atNs: nowNs)
    }

    /// Takes away a thread that is not needed any more.
    /// - Returns: whether the calling thread is to end.
    mutating func retire(atNs nowNs: UInt64) -> Bool {
        guard threads > wantedThreads(atNs: nowNs) else { return false }
        threads -= 1
        return true
    }

    private func wantedThreads(atNs nowNs: UInt64) -> Int {
        guard isShared else { return ownThreads }
        let models = Set(runs.lazy.filter { Self.isLong($0, nowNs) }.map(\.model))
        return ownThreads + min(models.count, Self.maxReliefThreads)
    }

    private static func isLong(_ run: Running, _ nowNs: UInt64) -> Bool {
        nowNs >= run.beganAtNs && nowNs - run.beganAtNs >= longNs
    }
}
