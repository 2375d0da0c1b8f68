internal import Engine

/// A load whose turn has come.
struct LoadTurn: Sendable {
    fileprivate let number: Int
    let lane: LoadLane
}

/// Decides which loads run at once: a plain value, and the reconciler acts.
///
/// After the start one load runs at a time, since a load may take memory for a while that no model
/// needs. At the start nothing else takes memory, and as many run as there are processors. `Token`
/// is what waits for a turn, opaque here.
struct LoadTurns<Token> {
    /// A load that waits for its turn.
    struct Waiter {
        /// Whether an alias answers with the version: it goes before those with which none does.
        let isLive: Bool
        /// Whether the process ended while the version was loaded before. Such loads run alone: if
        /// the process ends again, no other version is suspected.
        let isSuspect: Bool
        let token: Token
    }

    private struct Running {
        let lane: LoadLane
        let isSuspect: Bool
        /// Whether no other load has run at any time since this one began.
        var isAlone: Bool
        /// The memory that it is expected to take at most; nil: it has not begun to take any.
        var reservedBytes: UInt64?
    }

    private var waiting: (live: [Waiter], other: [Waiter]) = ([], [])
    private var running: [Int: Running] = [:]
    /// Those that run nothing; the first lane is used first, so that one heap has most models.
    private var idle = [LoadLane()]
    private var width = 1
    /// Whether the width is for the start, which is not over.
    private var isStarting = false
    private var lastNumber = 0

    /// Lets so many loads run at once: the start begins.
    mutating func beginStart(width: Int) {
        self.width = max(width, 1)
        isStarting = true
    }

    /// One load at a time from here on, once those have ended that run or wait now.
    mutating func endStart() {
        isStarting = false
        narrowIfIdle()
    }

    private mutating func narrowIfIdle() {
        guard !isStarting, running.isEmpty, waiting.live.isEmpty, waiting.other.isEmpty else {
            return
        }
        width = 1
        // The others end with their last model.
        idle.removeLast(idle.count - 1)
    }

    mutating func wait(_ waiter: Waiter) {
        if waiter.isLive { waiting.live.append(waiter) } else { waiting.other.append(waiter) }
    }

    /// The next load whose turn has come, if there is one.
    mutating func next() -> (token: Token, turn: LoadTurn)? {
        guard running.count < width, !running.values.contains(where: \.isSuspect),
            let first = waiting.live.first ?? waiting.other.first,
            running.isEmpty || !first.isSuspect
        else { return nil }
        if waiting.live.isEmpty { waiting.other.removeFirst() } else { waiting.live.removeFirst() }
        let lane = idle.isEmpty ? LoadLane() : idle.removeFirst()
        for number in running.keys { running[number]?.isAlone = false }
        let isAlone = running.isEmpty
        lastNumber += 1
        running[lastNumber] = Running(
            lane: lane,
            isSuspect: first.isSuspect,
            isAlone: isAlone
        )
        return (first.token, LoadTurn(number: lastNumber, lane: lane))
    }

    /// The memory that other loads are still expected to take at most. What they have taken of it
    /// already counts twice, which may delay a load and never lets one too many begin.
    func reservedBytes(besides turn: LoadTurn) -> UInt64 {
        running.reduce(0) { sum, load in
            load.key == turn.number ? sum : sum + (load.value.reservedBytes ?? 0)
        }
    }

    /// Reserves the memory of a load that begins now.
    mutating func reserve(_ bytes: UInt64, for turn: LoadTurn) {
        running[turn.number]?.reservedBytes = bytes
    }

    /// Whether no other load has run since this one's turn came: what the process has taken since
    /// is its own.
    func isAlone(_ turn: LoadTurn) -> Bool { running[turn.number]?.isAlone == true }

    /// Threads that load nothing while a load waits for memory.
    func idleThreads(besides turn: LoadTurn) -> [LastingThread] {
        (idle + [turn.lane]).map(\.thread)
    }

    /// A load has ended.
    mutating func end(_ turn: LoadTurn) {
        guard let load = running.removeValue(forKey: turn.number) else { return }
        idle.append(load.lane)
        narrowIfIdle()
    }
}
