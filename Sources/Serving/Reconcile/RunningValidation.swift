/// A validation that is under way, and the callers that wait for its verdict.
struct RunningValidation {
    /// How a validation ends; a failure is one to find the verdict out.
    typealias Verdict = Result<Validation, ServingError>

    struct Waiter {
        let ticket: UInt64
        let continuation: CheckedContinuation<Verdict?, Never>
    }

    let task: Task<Void, Never>
    var waiters: [Waiter] = []

    /// Takes the waiters out that `belongs` picks.
    mutating func takeWaiters(where belongs: (Waiter) -> Bool) -> [Waiter] {
        let taken = waiters.filter(belongs)
        waiters.removeAll(where: belongs)
        return taken
    }
}
