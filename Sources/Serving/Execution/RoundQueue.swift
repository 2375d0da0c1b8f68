internal import DequeModule

/// Waiting requests in the order in which they run: an ordered queue, without any time.
///
/// Higher priorities go first. Within one, sources are served in rounds: a source's first waiting
/// request belongs to the present round, its second to the next, so that a caller with one request
/// does not wait for the hundreds of another. Adding a request costs the same however many wait. A
/// request that is withdrawn leaves an empty place, which holds nothing of it; there are never many
/// more of these than requests.
struct RoundQueue {
    /// Sources whose last rounds are remembered before those of the past are dropped.
    private static var maxSources: Int { 4_096 }
    /// Empty places that are not worth closing up.
    private static var maxGaps: Int { 64 }

    /// Where a request stands; no two are the same.
    struct Order {
        fileprivate let turn: Turn
        fileprivate let number: UInt64
    }

    /// A round of a priority.
    fileprivate struct Turn: Comparable {
        let priority: Int
        let round: Int

        static func < (left: Turn, right: Turn) -> Bool {
            if left.priority != right.priority { return left.priority > right.priority }
            return left.round < right.round
        }
    }

    private struct Entry {
        /// Nil: it was withdrawn.
        var job: Job?
        let number: UInt64
    }

    private struct Round {
        let turn: Turn
        /// By number, ascending; never empty.
        var entries: Deque<Entry>
    }

    private struct Source: Hashable {
        let id: ObjectIdentifier
        let priority: Int
    }

    /// By turn, ascending.
    private var rounds: Deque<Round> = []
    private var count = 0
    private var gaps = 0
    /// The last round of each source that had a request here. They go when the queue is empty, and
    /// those of the past when there are too many.
    private var sources: [Source: Int] = [:]
    private var sourceLimit = maxSources

    var isEmpty: Bool { count == 0 }

    /// Puts a request where its priority and its round end.
    /// - Parameter number: higher than that of every request before it.
    mutating func insert(_ job: Job, number: UInt64) -> Order {
        let turn = turn(of: job)
        let entry = Entry(job: job, number: number)
        let index = firstIndex { $0 >= turn }
        if index < rounds.endIndex, rounds[index].turn == turn {
            rounds[index].entries.append(entry)
        } else {
            rounds.insert(Round(turn: turn, entries: [entry]), at: index)
        }
        count += 1
        return Order(turn: turn, number: number)
    }

    /// The round after the last one of the request's source, and at most the one after the last.
    private mutating func turn(of job: Job) -> Turn {
        let priority = job.request.priority
        let start = firstIndex { $0.priority <= priority }
        let end = firstIndex { $0.priority < priority }
        let present = start < end ? rounds[start].turn.round : 0
        let last = start < end ? rounds[end - 1].turn.round : -1
        guard let id = job.request.source else {
            return Turn(priority: priority, round: max(last, 0))
        }
        let source = Source(id: id, priority: priority)
        let next = sources[source].map { $0 + 1 } ?? present
        let round = min(max(present, next), last + 1)
        sources[source] = round
        if sources.count > sourceLimit {
            sources = sources.filter { $0.key.priority != priority || $0.value >= present }
            sourceLimit = max(Self.maxSources, 2 * sources.count)
        }
        return Turn(priority: priority, round: round)
    }

    /// The first round from which on a condition holds that holds for all behind one for which it
    /// does. Asked of the last one first: mostly the answer is there or at the end.
    private func firstIndex(where holds: (Turn) -> Bool) -> Int {
        guard let last = rounds.last, holds(last.turn) else { return rounds.endIndex }
        if let first = rounds.first, holds(first.turn) { return rounds.startIndex }
        var (low, high) = (rounds.startIndex, rounds.endIndex - 1)
        while low < high {
            let middle = (low + high) / 2
            if holds(rounds[middle].turn) { high = middle } else { low = middle + 1 }
        }
        return low
    }

    /// Takes out a request that need not be run; nil if it is not here any more.
    mutating func withdraw(_ order: Order) -> Job? {
        let index = firstIndex { $0 >= order.turn }
        guard index < rounds.endIndex, rounds[index].turn == order.turn,
            let place = Self.index(of: order.number, in: rounds[index].entries),
            let job = rounds[index].entries[place].job
        else { return nil }
        rounds[index].entries[place].job = nil
        gaps += 1
        giveBackRound(of: job, order.turn)
        left()
        if gaps > Self.maxGaps, gaps > count { closeUp() }
        return job
    }

    /// The source's next request may take the round of one that was withdrawn, if that was its last.
    private mutating func giveBackRound(of job: Job, _ turn: Turn) {
        guard let id = job.request.source else { return }
        let source = Source(id: id, priority: turn.priority)
        if sources[source] == turn.round { sources[source] = turn.round - 1 }
    }

    private static func index(of number: UInt64, in entries: Deque<Entry>) -> Int? {
        var (low, high) = (entries.startIndex, entries.endIndex)
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].number < number { low = middle + 1 } else { high = middle }
        }
        return low < entries.endIndex && entries[low].number == number ? low : nil
    }

    private mutating func closeUp() {
        for index in rounds.indices { rounds[index].entries.removeAll { $0.job == nil } }
        rounds.removeAll { $0.entries.isEmpty }
        gaps = 0
    }

    /// Takes out the request that would run last, if `gives` says so.
    mutating func popLast(if gives: (Job) -> Bool) -> Job? {
        while let last = rounds.last?.entries.last, last.job == nil {
            dropLast()
            gaps -= 1
        }
        guard let job = rounds.last?.entries.last?.job, gives(job) else { return nil }
        dropLast()
        left()
        return job
    }

    private mutating func dropLast() {
        let index = rounds.endIndex - 1
        rounds[index].entries.removeLast()
        if rounds[index].entries.isEmpty { rounds.removeLast() }
    }

    /// The request that runs first.
    var first: Job? {
        for round in rounds {
            if let entry = round.entries.first(where: { $0.job != nil }) { return entry.job }
        }
        return nil
    }

    /// Takes out the request that runs first.
    mutating func popFirst() -> Job? {
        while !rounds.isEmpty {
            let entry = rounds[0].entries.popFirst()
            if rounds[0].entries.isEmpty { rounds.removeFirst() }
            guard let job = entry?.job else {
                gaps -= 1
                continue
            }
            left()
            return job
        }
        return nil
    }

    /// Takes out requests in their order, those that `takes` picks of the first `limit`.
    /// - Parameter takes: nil: no more are looked at.
    mutating func take(ofFirst limit: Int, _ takes: (Job) -> Bool?) {
        var (index, looked) = (rounds.startIndex, 0)
        var isOver = false
        while index < rounds.endIndex, !isOver, looked < limit {
            var kept: [Entry] = []
            while !isOver, looked < limit, let entry = rounds[index].entries.popFirst() {
                guard let job = entry.job else {
                    gaps -= 1
                    continue
                }
                looked += 1
                switch takes(job) {
                case true?: count -= 1
                case false?: kept.append(entry)
                case nil:
                    rounds[index].entries.prepend(entry)
                    isOver = true
                }
            }
            for entry in kept.reversed() { rounds[index].entries.prepend(entry) }
            if rounds[index].entries.isEmpty { rounds.remove(at: index) } else { index += 1 }
        }
        if isEmpty { clear() }
    }

    private mutating func left() {
        count -= 1
        if isEmpty { clear() }
    }

    private mutating func clear() {
        rounds = []
        gaps = 0
        sources = [:]
        sourceLimit = Self.maxSources
    }
}
