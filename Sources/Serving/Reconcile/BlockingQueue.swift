internal import Dispatch
internal import Engine

/// Runs blocking work one after the other on a thread of its own, away from event loops and from
/// the concurrency pool, which is as narrow as the machine, and behind the threads that serve.
struct BlockingQueue: Sendable {
    private let queue: DispatchQueue

    init(label: String) {
        queue = DispatchQueue(label: label)
    }

    /// Has something done that nobody waits for.
    func begin(_ body: @escaping @Sendable () -> Void) {
        perform(body)
    }

    func run<Output: Sendable, Failure: Error>(
        _ body: @escaping @Sendable () throws(Failure) -> Output
    ) async throws(Failure) -> Output {
        let result = await withCheckedContinuation { continuation in
            perform {
                continuation.resume(returning: Result { () throws(Failure) in try body() })
            }
        }
        return try result.get()
    }

    /// Runs blocking work on another thread, as ``run(_:)`` does on the queue's. A thread of the
    /// queue resumes the caller: the concurrency pool may start threads then, and those would
    /// inherit the idle priority of a quiet thread.
    ///
    /// - Parameter mayWait: As for ``LastingThread/run(while:_:)``.
    /// - Returns: nil if the run was abandoned.
    func run<Output: Sendable>(
        on thread: LastingThread,
        while mayWait: @escaping @Sendable () -> Bool,
        _ body: @escaping @Sendable () -> Output
    ) async -> Output? {
        await withCheckedContinuation { continuation in
            perform { continuation.resume(returning: thread.run(while: mayWait, body)) }
        }
    }

    private func perform(_ body: @escaping @Sendable () -> Void) {
        queue.async {
            ThreadPriority.stepBack()
            body()
        }
    }
}
