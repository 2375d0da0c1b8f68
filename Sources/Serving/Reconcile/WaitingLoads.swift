/// A load that waits for its turn. `Token` identifies it, opaque here.
struct LoadWaiter<Token> {
    let version: VersionID
    /// The principals that asked for it; each one's turn may be used.
    var principals: [String]
    /// Whether an alias answers with the version: such loads go first.
    let isLive: Bool
    /// Whether the server ended while it loaded the version before. Such a load runs alone: if the
    /// server ends again, no other version is suspected.
    let isSuspect: Bool
    let token: Token
}

/// The loads of one class that wait, of which principals take turns: the next load is the first one
/// of the principal whose last turn is the longest ago.
struct WaitingLoads<Token> {
    /// Principals whose last turns are remembered beside those that wait. A principal that is
    /// forgotten goes first when it comes again.
    static var maxRemembered: Int { 1_024 }

    /// A load that may go next.
    struct Candidate {
        fileprivate let index: Int
        /// The principal whose turn it would use.
        let principal: String
        let isSuspect: Bool
    }

    private(set) var waiters: [LoadWaiter<Token>] = []
    /// The number of each principal's last turn.
    private var turns: [String: UInt64] = [:]
    private var lastTurn: UInt64 = 0

    var isEmpty: Bool { waiters.isEmpty }

    mutating func append(_ waiter: LoadWaiter<Token>) { waiters.append(waiter) }

    /// Lets a waiting load use the turns of another principal too.
    mutating func join(_ version: VersionID, _ principal: String) {
        for index in waiters.indices where waiters[index].version == version {
            guard !waiters[index].principals.contains(principal) else { continue }
            waiters[index].principals.append(principal)
        }
    }

    /// The next load; nil: none may begin.
    func next(
        ofModel mayLoad: (String) -> Bool,
        for mayUse: (String) -> Bool
    ) -> Candidate? {
        var best: (candidate: Candidate, turn: UInt64)?
        for (index, waiter) in waiters.enumerated() where mayLoad(waiter.version.model) {
            for principal in waiter.principals where mayUse(principal) {
                let turn = turns[principal] ?? 0
                // Of equal ones the first stays: those of one principal keep their order.
                guard best.map({ turn < $0.turn }) ?? true else { continue }
                let candidate = Candidate(
                    index: index,
                    principal: principal,
                    isSuspect: waiter.isSuspect
                )
                best = (candidate, turn)
            }
        }
        return best?.candidate
    }

    /// Takes a load out, and notes the turn of its principal.
    mutating func take(_ candidate: Candidate) -> LoadWaiter<Token> {
        let waiter = waiters.remove(at: candidate.index)
        lastTurn += 1
        turns[candidate.principal] = lastTurn
        if turns.count > Self.maxRemembered {
            let present = Set(waiters.flatMap(\.principals))
            turns = turns.filter { present.contains($0.key) }
        }
        return waiter
    }
}
