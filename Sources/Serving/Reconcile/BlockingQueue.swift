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

    /// As ``run(_:)``, on another thread. Whoever waits is woken from one of the queue's: the
    /// concurrency pool may start threads at that, which a quiet thread would make quiet for good.
    /// - Parameter look: Called from time to time meanwhile.
    func run<Output: Sendable>(
        on thread: LastingThread,
        look: @escaping @Sendable () -> Void,
        _ body: @escaping @Sendable () -> Output
    ) async -> Output {
        await withCheckedContinuation { continuation in
            perform { continuation.resume(returning: thread.run(look: look, body)) }
        }
    }

    private func perform(_ body: @escaping @Sendable () -> Void) {
        queue.async {
            ThreadPriority.stepBack()
            body()
        }
    }
}
