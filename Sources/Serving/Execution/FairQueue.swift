/// Waiting requests of one version in the order in which they run: start-time fair queueing, without
/// a clock and without threads.
///
/// Higher priorities run first. Within a priority the principals take turns, and within a principal
/// its connections do, each turn weighed by the rows that it takes: a principal with one request does
/// not wait for the hundreds of another, however many connections that one has. All principals have
/// the same weight. Requests of one connection run in the order of their arrival.
///
/// Each flow (a connection, or a principal with its connections) has a virtual time, the rows that it
/// was served. The flow that is behind the others is served next; a flow that was idle starts at the
/// present of the others, so that it cannot save up turns. Adding, taking and withdrawing a request
/// cost O(log n) of the flows.
struct FairQueue {
    /// Flows that are remembered before idle ones are dropped.
    private static var minFlowLimit: Int { 4_096 }

    /// Where a request stands; no two are the same.
    struct Order: Equatable {
        fileprivate let index: Int
        fileprivate let number: UInt64

        /// That of a request which cannot be withdrawn.
        static let none = Order(index: -1, number: 0)
    }

    private struct Entry {
        /// Nil: the entry is free.
        var job: Job?
        var number: UInt64 = 0
        /// The connection that it belongs to.
        var flow = none
        var previous = none
        /// The next one of its connection, or the next free entry.
        var next = none
    }

    struct Key: Hashable {
        let priority: Int
        let principal: UInt64
        /// Nil: the principal as a whole.
        var source: UInt?
    }

    /// A connection, a principal with its connections, or a priority with its principals.
    struct Flow: HeapEntry {
        let key: Key
        /// The flow that it is part of.
        let parent: Int
        /// The virtual time in its parent at which its next request starts.
        var start: UInt64 = 0
        /// Decides between flows that start at the same time: the lower is the first.
        var order: UInt64 = 0
        var heapPlace = none
        /// The virtual time of the flows in it: the start of the last one that was served.
        var now: UInt64 = 0
        /// The requests that wait in it.
        var work = QueueWork()
        /// Flows in it that are remembered.
        var members = 0
        /// The first and the last request of a connection.
        var head = none
        var tail = none

        func precedes(_ other: Flow) -> Bool {
            start != other.start ? start < other.start : order < other.order
        }
    }

    static var none: Int { -1 }

    /// The request that waits alone. It is put among the flows when a second one comes.
    private(set) var sole: (job: Job, number: UInt64)?
    private var count = 0
    private var entries: [Entry] = []
    private var freeEntry = none
    private(set) var flows: [Flow] = []
    /// Of each flow, those in it that have requests.
    private(set) var heaps: [IndexedHeap] = []
    private var freeFlows: [Int] = []
    private var flowLimit = minFlowLimit
    private(set) var known: [Key: Int] = [:]
    /// The priorities that had requests, the highest first.
    private(set) var classes: [Int] = []
    private var lastOrder: UInt64 = 0

    var isEmpty: Bool { count == 0 }
    /// Connections and principals that are remembered.
    var flowCount: Int { known.count }

    // MARK: - Requests

    /// Puts a request where its priority, its principal's turn and its connection's turn are.
    /// - Parameter number: higher than that of every request before it.
    mutating func insert(_ job: Job, number: UInt64) -> Order {
        count += 1
        guard count > 1 else {
            sole = (job, number)
            return Order(index: 0, number: number)
        }
        if let (first, number) = sole {
            sole = nil
            // The first entry of an empty table: where its order says that it is.
            _ = link(first, number)
        }
        return Order(index: link(job, number), number: number)
    }

    private mutating func link(_ job: Job, _ number: UInt64) -> Int {
        let connection = connection(of: job)
        let index = newEntry()
        let tail = flows[connection].tail
        entries[index] = Entry(job: job, number: number, flow: connection, previous: tail)
        if tail == Self.none {
            flows[connection].head = index
        } else {
            entries[tail].next = index
        }
        flows[connection].tail = index
        count(QueueWork(job), in: connection)
        activate(connection)
        return index
    }

    private mutating func newEntry() -> Int {
        guard freeEntry != Self.none else {
            entries.append(Entry())
            return entries.count - 1
        }
        defer { freeEntry = entries[freeEntry].next }
        return freeEntry
    }

    /// The request that runs first.
    var first: Job? { sole?.job ?? firstEntry.flatMap { entries[$0].job } }

    private var firstEntry: Int? {
        for root in classes {
            guard let principal = heaps[root].first, let connection = heaps[principal].first else {
                continue
            }
            return flows[connection].head
        }
        return nil
    }

    /// Takes out the request that runs first.
    mutating func popFirst() -> Job? {
        if let (job, _) = sole {
            clear()
            return job
        }
        guard let index = firstEntry else { return nil }
        return take(index)
    }

    /// Takes out requests in their order, those that `takes` picks of the first `limit`.
    /// - Parameter takes: nil: no more are looked at.
    mutating func take(ofFirst limit: Int, _ takes: (Job) -> Bool?) {
        if let (job, _) = sole {
            if takes(job) == true { clear() }
            return
        }
        var passed: [Int] = []
        var isOver = false
        for _ in 0..<limit {
            guard !isOver, let index = firstEntry, let job = entries[index].job else { break }
            switch takes(job) {
            case true?: _ = take(index, clears: false)
            case false?:
                pass(index)
                passed.append(index)
            case nil: isOver = true
            }
        }
        for index in passed.reversed() { restore(index) }
        if count == 0 { clear() }
    }

    /// Takes out a request that need not be run; nil if it is not here any more.
    mutating func withdraw(_ order: Order) -> Job? {
        if let (job, number) = sole {
            guard number == order.number else { return nil }
            clear()
            return job
        }
        guard entries.indices.contains(order.index), entries[order.index].number == order.number,
            let job = entries[order.index].job
        else { return nil }
        let connection = entries[order.index].flow
        unlink(order.index)
        rank(connection)
        free(order.index)
        return job
    }

    /// Takes out the first request of its connection, and counts it as served.
    private mutating func take(_ index: Int, clears: Bool = true) -> Job? {
        guard let job = entries[index].job else { return nil }
        let connection = entries[index].flow
        unlink(index)
        var flow = connection
        while flows[flow].parent != Self.none {
            let parent = flows[flow].parent
            flows[parent].now = max(flows[parent].now, flows[flow].start)
            flows[flow].start += UInt64(job.rows)
            lastOrder += 1
            flows[flow].order = lastOrder
            flow = parent
        }
        rank(connection)
        free(index, clears: clears)
        return job
    }

    /// Passes the first request of its connection over, so that what is behind it can be seen.
    private mutating func pass(_ index: Int) {
        guard let job = entries[index].job else { return }
        let connection = entries[index].flow
        unlink(index)
        for flow in [connection, flows[connection].parent] {
            flows[flow].start += UInt64(job.rows)
        }
        rank(connection)
    }

    /// Puts a request back that was passed over: it is the first one of its connection again.
    private mutating func restore(_ index: Int) {
        guard let job = entries[index].job else { return }
        let connection = entries[index].flow
        let head = flows[connection].head
        entries[index].previous = Self.none
        entries[index].next = head
        if head == Self.none {
            flows[connection].tail = index
        } else {
            entries[head].previous = index
        }
        flows[connection].head = index
        count(QueueWork(job), in: connection)
        for flow in [connection, flows[connection].parent] {
            flows[flow].start -= UInt64(job.rows)
        }
        rank(connection)
    }

    private mutating func unlink(_ index: Int) {
        let (entry, connection) = (entries[index], entries[index].flow)
        if entry.previous == Self.none {
            flows[connection].head = entry.next
        } else {
            entries[entry.previous].next = entry.next
        }
        if entry.next == Self.none {
            flows[connection].tail = entry.previous
        } else {
            entries[entry.next].previous = entry.previous
        }
        guard let job = entry.job else { return }
        var flow = connection
        while flow != Self.none {
            flows[flow].work -= QueueWork(job)
            flow = flows[flow].parent
        }
    }

    private mutating func free(_ index: Int, clears: Bool = true) {
        entries[index] = Entry(next: freeEntry)
        freeEntry = index
        count -= 1
        if clears, count == 0 { clear() }
    }

    private mutating func clear() { self = FairQueue() }

    // MARK: - Flows

    private mutating func count(_ work: QueueWork, in connection: Int) {
        var flow = connection
        while flow != Self.none {
            flows[flow].work += work
            flow = flows[flow].parent
        }
    }

    /// Gives a connection that has requests its turn, and its principal.
    private mutating func activate(_ connection: Int) {
        var flow = connection
        while flows[flow].parent != Self.none, flows[flow].heapPlace == Self.none {
            let parent = flows[flow].parent
            flows[flow].start = max(flows[flow].start, flows[parent].now)
            lastOrder += 1
            flows[flow].order = lastOrder
            heaps[parent].insert(flow, in: &flows)
            flow = parent
        }
    }

    /// Moves a connection and its principal to where their starts say; without requests they have no
    /// turn.
    private mutating func rank(_ connection: Int) {
        for flow in [connection, flows[connection].parent] {
            let parent = flows[flow].parent
            switch (flows[flow].work.requests > 0, flows[flow].heapPlace != Self.none) {
            case (true, true): heaps[parent].update(flow, in: &flows)
            case (true, false): heaps[parent].insert(flow, in: &flows)
            case (false, true): heaps[parent].remove(flow, in: &flows)
            case (false, false): break
            }
        }
    }

    static func key(of job: Job) -> Key {
        // No object has the address 0.
        let source = job.request.source.map { UInt(bitPattern: $0) } ?? 0
        return Key(
            priority: job.request.priority,
            principal: job.request.principalNumber,
            source: source
        )
    }

    private mutating func connection(of job: Job) -> Int {
        var key = Self.key(of: job)
        if let flow = known[key] { return flow }
        if flowCount >= flowLimit { dropIdleFlows() }
        let source = key.source
        key.source = nil
        let principal = known[key] ?? newFlow(key, in: priorityClass(key.priority))
        key.source = source
        return newFlow(key, in: principal)
    }

    private mutating func newFlow(_ key: Key, in parent: Int) -> Int {
        let flow = Flow(key: key, parent: parent)
        if parent != Self.none {
            flows[parent].members += 1
        }
        guard let index = freeFlows.popLast() else {
            flows.append(flow)
            heaps.append(IndexedHeap())
            if parent != Self.none { known[key] = flows.count - 1 }
            return flows.count - 1
        }
        flows[index] = flow
        known[key] = index
        return index
    }

    private mutating func priorityClass(_ priority: Int) -> Int {
        let place = classes.firstIndex { flows[$0].key.priority <= priority } ?? classes.endIndex
        if place < classes.endIndex, flows[classes[place]].key.priority == priority {
            return classes[place]
        }
        // A class is never dropped: there are as many as priorities.
        flows.append(Flow(key: Key(priority: priority, principal: 0), parent: Self.none))
        heaps.append(IndexedHeap())
        classes.insert(flows.count - 1, at: place)
        return flows.count - 1
    }

    /// Forgets flows without requests that have no more behind them than others, and where that is
    /// not enough, connections without requests.
    private mutating func dropIdleFlows() {
        dropFlows { queue, flow in flow.start <= queue.flows[flow.parent].now }
        if known.count > flowLimit / 2 { dropFlows { _, flow in flow.key.source != nil } }
        flowLimit = max(Self.minFlowLimit, 2 * known.count)
    }

    private mutating func dropFlows(_ isDropped: (FairQueue, Flow) -> Bool) {
        // Connections first: a principal goes with its last one.
        for isConnection in [true, false] {
            for (key, index) in known where (key.source != nil) == isConnection {
                let flow = flows[index]
                guard flow.work.requests == 0, flow.members == 0, isDropped(self, flow) else {
                    continue
                }
                flows[flow.parent].members -= 1
                known[key] = nil
                freeFlows.append(index)
            }
        }
    }
}
