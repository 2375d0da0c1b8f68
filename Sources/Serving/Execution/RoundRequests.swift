internal import DequeModule

/// The requests of one version that came in a round of an event loop, in the order of their arrival.
///
/// All of them run at the end of the round, so that their order decides nothing but which batch one
/// is part of: they take no turns and cannot be withdrawn.
struct RoundRequests {
    private var jobs: Deque<Job> = []

    var isEmpty: Bool { jobs.isEmpty }

    mutating func append(_ job: Job) { jobs.append(job) }

    mutating func popFirst() -> Job? { jobs.popFirst() }

    /// Takes out requests in their order, those that `takes` picks of the first `limit`.
    /// - Parameter takes: nil: no more are looked at.
    mutating func take(ofFirst limit: Int, _ takes: (Job) -> Bool?) {
        var passed: [Job] = []
        for _ in 0..<limit {
            guard let job = jobs.first, let isTaken = takes(job) else { break }
            jobs.removeFirst()
            if !isTaken { passed.append(job) }
        }
        for job in passed.reversed() { jobs.prepend(job) }
    }
}
