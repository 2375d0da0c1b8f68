/// The waiting requests by principal: a plain table that finds the request that gives its place up
/// when a queue is full.
///
/// A principal has an account in each queue where a request of it waits: that of the version, that of
/// the model, and that of the server. A queue's accounts are in a heap, so that the one with the most
/// bytes is found at once. All steps cost O(log n) of the principals.
struct ShareLedger {
    /// A queue whose bound was reached.
    enum Scope {
        /// The queue of a version, which is bounded by time.
        case version(Slot)
        /// The queue of a model, which is bounded by requests and bytes.
        case model(Admission)
        /// The queues of all models, which are bounded by requests and bytes together.
        case server
    }

    /// A newcomer's claim to a place.
    struct Claim {
        let principal: UInt64
        let priority: Int
        let heldBytes: Int
        /// Its weight in its principal's share, in bytes.
        let charge: Int
    }

    /// A request that is to give its place up.
    struct Displaced {
        let job: Job
        let place: BatchQueue.Place
        let reason: Reason
    }

    /// Why a request gives its place up.
    enum Reason {
        /// Its principal has the most bytes in the queue.
        case share
        /// The newer request is of the same principal, and of a higher priority.
        case priority
    }

    private static var none: Int { -1 }
    /// The queues of a request: its version's, its model's, the server's.
    private static var scopes: Int { 3 }

    private struct Links {
        var older = none
        var newer = none
    }

    private struct Entry {
        /// Nil: the entry is free.
        var job: Job?
        var place: BatchQueue.Place?
        /// The account in the version's queue; for a free entry the next free one.
        var account = none
        /// By scope.
        var links = InlineArray<3, Links>(repeating: Links())
    }

    private struct Key: Hashable {
        let scope: Int
        let queue: ObjectIdentifier?
        let principal: UInt64
    }

    private struct Account: HeapEntry {
        let key: Key
        /// The principal's account in the next larger queue.
        let parent: Int
        /// The index of the queue's heap.
        let queue: Int
        /// The weight of its requests, in bytes.
        var charge = 0
        var requests = 0
        var heapPlace = none
        /// By priority, the highest first: the newest request.
        var newest = InlineArray<21, Int>(repeating: none)

        func precedes(_ other: Account) -> Bool { charge > other.charge }
    }

    private struct Queue {
        var id: ObjectIdentifier?
        var heap = IndexedHeap()
    }

    private var entries: [Entry] = []
    private var freeEntry = none
    private var accounts: [Account] = []
    private var freeAccounts: [Int] = []
    private var known: [Key: Int] = [:]
    private var queues: [Queue] = []
    private var freeQueues: [Int] = []
    private var knownQueues: [ObjectIdentifier?: Int] = [:]

    private static func queue(_ scope: Int, of job: Job) -> ObjectIdentifier? {
        switch scope {
        case 0: ObjectIdentifier(job.slot)
        case 1: ObjectIdentifier(job.admission)
        default: nil
        }
    }

    // MARK: - Requests

    /// Notes that a request waits.
    /// - Returns: its ticket.
    mutating func add(_ job: Job, at place: BatchQueue.Place) -> Int {
        let index = newEntry()
        var account = openAccount(of: job, 0)
        entries[index] = Entry(job: job, place: place, account: account)
        let priority = RequestPriority.index(job.request.priority)
        for scope in 0..<Self.scopes {
            let older = accounts[account].newest[priority]
            entries[index].links[scope].older = older
            if older != Self.none { entries[older].links[scope].newer = index }
            accounts[account].newest[priority] = index
            accounts[account].charge += job.charge
            accounts[account].requests += 1
            queues[accounts[account].queue].heap.update(account, in: &accounts)
            account = accounts[account].parent
        }
        return index
    }

    private mutating func newEntry() -> Int {
        guard freeEntry != Self.none else {
            entries.append(Entry())
            return entries.count - 1
        }
        defer { freeEntry = entries[freeEntry].account }
        return freeEntry
    }

    /// Notes that a request does not wait any more.
    mutating func remove(_ ticket: Int) {
        guard let job = entries[ticket].job else { return }
        let priority = RequestPriority.index(job.request.priority)
        var account = entries[ticket].account
        for scope in 0..<Self.scopes {
            let (links, parent) = (entries[ticket].links[scope], accounts[account].parent)
            if links.older != Self.none { entries[links.older].links[scope].newer = links.newer }
            if links.newer != Self.none {
                entries[links.newer].links[scope].older = links.older
            } else {
                accounts[account].newest[priority] = links.older
            }
            accounts[account].charge -= job.charge
            accounts[account].requests -= 1
            if accounts[account].requests == 0 {
                close(account)
            } else {
                queues[accounts[account].queue].heap.update(account, in: &accounts)
            }
            account = parent
        }
        entries[ticket] = Entry(account: freeEntry)
        freeEntry = ticket
    }

    // MARK: - Accounts

    private mutating func openAccount(of job: Job, _ scope: Int) -> Int {
        let id = Self.queue(scope, of: job)
        let key = Key(scope: scope, queue: id, principal: job.request.principalNumber)
        if let account = known[key] { return account }
        let parent = scope + 1 < Self.scopes ? openAccount(of: job, scope + 1) : Self.none
        let account = Account(key: key, parent: parent, queue: openQueue(id))
        let index = freeAccounts.popLast() ?? accounts.count
        if index == accounts.count { accounts.append(account) } else { accounts[index] = account }
        known[key] = index
        queues[account.queue].heap.insert(index, in: &accounts)
        return index
    }

    private mutating func openQueue(_ id: ObjectIdentifier?) -> Int {
        if let queue = knownQueues[id] { return queue }
        let index = freeQueues.popLast() ?? queues.count
        if index == queues.count { queues.append(Queue()) }
        queues[index].id = id
        knownQueues[id] = index
        return index
    }

    private mutating func close(_ account: Int) {
        let queue = accounts[account].queue
        queues[queue].heap.remove(account, in: &accounts)
        known[accounts[account].key] = nil
        freeAccounts.append(account)
        guard queues[queue].heap.isEmpty else { return }
        knownQueues[queues[queue].id] = nil
        freeQueues.append(queue)
    }

    // MARK: - Full queues

    /// The request that gives its place up for a newcomer: the newest one of the lowest priority of
    /// the principal that has the most bytes in the queue. Where that is the newcomer's principal,
    /// it is one of a lower priority that keeps at least as many bytes.
    ///
    /// No request gives its place up for one of another principal that runs after it because of a
    /// priority above 0, which is granted.
    /// - Returns: nil: the newcomer has no better claim.
    func displaced(for claim: Claim, in scope: Scope) -> Displaced? {
        let key = Self.key(of: claim, in: scope)
        guard let queue = knownQueues[key.queue], let first = queues[queue].heap.first else {
            return nil
        }
        let own = known[key]
        let ownCharge = (own.map { accounts[$0].charge } ?? 0) + claim.charge
        guard first != own, accounts[first].charge > ownCharge else {
            guard let other = own.flatMap({ newest(of: $0) }), let last = entries[other].job,
                last.request.priority < claim.priority, last.request.heldBytes >= claim.heldBytes
            else { return nil }
            return displaced(other, .priority)
        }
        guard let other = newest(of: first), let last = entries[other].job,
            last.request.priority <= max(claim.priority, 0)
        else { return nil }
        return displaced(other, .share)
    }

    private static func key(of claim: Claim, in scope: Scope) -> Key {
        switch scope {
        case .version(let slot):
            Key(scope: 0, queue: ObjectIdentifier(slot), principal: claim.principal)
        case .model(let admission):
            Key(scope: 1, queue: ObjectIdentifier(admission), principal: claim.principal)
        case .server: Key(scope: 2, queue: nil, principal: claim.principal)
        }
    }

    private func displaced(_ entry: Int, _ reason: Reason) -> Displaced? {
        guard let job = entries[entry].job, let place = entries[entry].place else { return nil }
        return Displaced(job: job, place: place, reason: reason)
    }

    /// The newest request of the lowest priority of an account.
    private func newest(of account: Int) -> Int? {
        for priority in (0..<RequestPriority.range.count).reversed() {
            let newest = accounts[account].newest[priority]
            if newest != Self.none { return newest }
        }
        return nil
    }
}

extension ShareLedger.Claim {
    /// The claim of a request.
    /// - Parameter placeBytes: What a place counts for at least.
    init(_ request: PredictionRequest, placeBytes: Int) {
        self.init(
            principal: request.principalNumber,
            priority: request.priority,
            heldBytes: request.heldBytes,
            charge: max(request.heldBytes, placeBytes)
        )
    }
}

extension ShareLedger.Displaced {
    /// Answers the request, which left its queue.
    func refuse() {
        job.slot.meter.displaced()
        job.finish(
            .failure(
                .displaced(
                    reason,
                    model: job.request.model,
                    retryAfterNs: job.admission.retryAfterNs
                )
            )
        )
    }
}
