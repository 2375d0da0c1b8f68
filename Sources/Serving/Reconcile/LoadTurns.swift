internal import Engine
internal import Registry

/// A load that has been scheduled.
struct LoadTurn: Sendable {
    /// Identifies a turn.
    struct ID: Hashable, Sendable {
        let place: LoadPlace
        fileprivate let number: Int
    }

    let place: LoadPlace
    let lane: LoadLane
    fileprivate let number: Int

    var id: ID { ID(place: place, number: number) }
}

/// The scheduler of the loads of one place: a plain value, and the reconciler acts.
///
/// A load that has run for longer than the reconciler's patience is *overtaken*: it goes on, and the
/// next load begins beside it. Loads of versions that aliases answer with go first; within a class
/// principals take turns.
struct LoadTurns<Token> {
    private struct Running {
        let model: String
        /// The principal whose turn it uses.
        let principal: String
        let lane: LoadLane
        let isSuspect: Bool
        /// Whether no other load has run at any time since this one began.
        var isAlone: Bool
        /// Whether it no longer counts against the width.
        var isOvertaken = false
        /// The memory that it is expected to take at most; nil: it has not begun to take any.
        var reservedBytes: UInt64?
    }

    /// The most overtaken loads that run at once. With as many, later loads wait.
    static var maxOvertaken: Int { 8 }
    /// Those of one principal, beside the width. The server's own loads are exempt.
    static var maxOvertakenPerPrincipal: Int { maxOvertaken / 2 }

    private let place: LoadPlace
    /// The loads that run at once after the start.
    private let usualWidth: Int
    /// Whether at most one version of a model is loaded at once. Live versions are excepted.
    private let isOnePerModel: Bool
    private(set) var waiting: (live: WaitingLoads<Token>, other: WaitingLoads<Token>) =
        (WaitingLoads(), WaitingLoads())
    private var running: [Int: Running] = [:]
    /// Lanes that run nothing; the first is used first, so that one heap has most models.
    private var idle: [LoadLane] = []
    /// The loads that run at once now.
    private(set) var width: Int
    /// Whether the width is the one for the start, which is not over.
    private var isStarting = false
    /// Counts the loads that have begun.
    private(set) var begun = 0

    /// Makes a scheduler of a place.
    init(_ place: LoadPlace, width: Int = 1, isOnePerModel: Bool = false) {
        self.place = place
        usualWidth = max(width, 1)
        self.width = usualWidth
        self.isOnePerModel = isOnePerModel
    }

    /// Whether no load runs.
    var isIdle: Bool { running.isEmpty }

    /// Lets more loads run at once: the start begins.
    mutating func beginStart(width: Int) {
        self.width = max(width, usualWidth)
        isStarting = true
    }

    /// Returns to the usual width once those loads have ended that run or wait now.
    mutating func endStart() {
        isStarting = false
        narrowIfIdle()
    }

    private mutating func narrowIfIdle() {
        guard !isStarting, running.isEmpty, waiting.live.isEmpty, waiting.other.isEmpty else {
            return
        }
        width = usualWidth
        // The thread of each other lane ends with its last model.
        idle.removeLast(max(0, idle.count - usualWidth))
    }

    mutating func wait(_ waiter: LoadWaiter<Token>) {
        if waiter.isLive { waiting.live.append(waiter) } else { waiting.other.append(waiter) }
    }

    /// Lets a load of a version that waits use the turns of another principal too.
    mutating func join(_ version: VersionID, _ principal: String) {
        waiting.live.join(version, principal)
        waiting.other.join(version, principal)
    }

    /// The next load that may begin, if there is one.
    mutating func next() -> (token: Token, turn: LoadTurn)? {
        let counted = running.values.filter { !$0.isOvertaken }
        guard counted.count < width, running.count < width + Self.maxOvertaken,
            !counted.contains(where: \.isSuspect),
            let (waiter, principal) = takeWaiter(ifSuspect: counted.isEmpty)
        else { return nil }
        let lane = idle.isEmpty ? LoadLane(place) : idle.removeFirst()
        for number in running.keys { running[number]?.isAlone = false }
        begun += 1
        running[begun] = Running(
            model: waiter.version.model,
            principal: principal,
            lane: lane,
            isSuspect: waiter.isSuspect,
            isAlone: running.isEmpty
        )
        return (waiter.token, LoadTurn(place: place, lane: lane, number: begun))
    }

    /// - Parameter maySuspect: Whether a suspect may begin; if the next is one and may not, nothing
    ///   behind it begins either.
    private mutating func takeWaiter(
        ifSuspect maySuspect: Bool
    ) -> (waiter: LoadWaiter<Token>, principal: String)? {
        let mayUse = mayUse
        if let next = waiting.live.next(ofModel: { _ in true }, for: mayUse) {
            guard maySuspect || !next.isSuspect else { return nil }
            return (waiting.live.take(next), next.principal)
        }
        let models = isOnePerModel ? Set(running.values.map(\.model)) : []
        guard let next = waiting.other.next(ofModel: { !models.contains($0) }, for: mayUse),
            maySuspect || !next.isSuspect
        else { return nil }
        return (waiting.other.take(next), next.principal)
    }

    /// Whether a principal may have one more load run: its loads that take long do not take all
    /// places.
    private var mayUse: (String) -> Bool {
        var running: [String: Int] = [:]
        for load in self.running.values { running[load.principal, default: 0] += 1 }
        let most = width + Self.maxOvertakenPerPrincipal
        return { principal in
            principal == AuditAction.serverPrincipal || running[principal, default: 0] < most
        }
    }

    /// Lets the next load begin beside one that takes long.
    mutating func letOvertake(_ turn: LoadTurn) {
        running[turn.number]?.isOvertaken = true
    }

    /// The memory that other loads are still expected to take at most. The part that they have taken
    /// already counts twice, which may delay a load and never lets one too many begin.
    func reservedBytes(besides turn: LoadTurn) -> UInt64 {
        running.reduce(0) { sum, load in
            turn.place == place && load.key == turn.number
                ? sum : sum + (load.value.reservedBytes ?? 0)
        }
    }

    /// Reserves the memory of a load that begins now.
    mutating func reserve(_ bytes: UInt64, for turn: LoadTurn) {
        running[turn.number]?.reservedBytes = bytes
    }

    /// Whether no other load of this place has run since this one began.
    func isAlone(_ turn: LoadTurn) -> Bool { running[turn.number]?.isAlone == true }

    /// Threads that load nothing while a load waits for memory.
    func idleThreads(besides turn: LoadTurn) -> [LastingThread] {
        (idle + (turn.place == place ? [turn.lane] : [])).compactMap(\.thread)
    }

    /// A load has ended.
    mutating func end(_ turn: LoadTurn) {
        guard let load = running.removeValue(forKey: turn.number) else { return }
        if load.lane.thread != nil { idle.append(load.lane) }
        narrowIfIdle()
    }

    /// A load was abandoned: its lane is not used again. The load's end, if it comes, is not told.
    mutating func abandon(_ turn: LoadTurn) {
        running[turn.number] = nil
        narrowIfIdle()
    }
}
