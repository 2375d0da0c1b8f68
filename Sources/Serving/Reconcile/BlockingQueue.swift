internal import Dispatch

/// Runs blocking work one after the other on a thread of its own, away from event loops and from
/// the concurrency pool, which is as narrow as the machine.
struct BlockingQueue: Sendable {
    private let queue: DispatchQueue

    init(label: String, qos: DispatchQoS = .default) {
        queue = DispatchQueue(label: label, qos: qos)
    }

    /// Has something done that nobody waits for.
    func begin(_ body: @escaping @Sendable () -> Void) {
        queue.async(execute: body)
    }

    func run<Output: Sendable, Failure: Error>(
        _ body: @escaping @Sendable () throws(Failure) -> Output
    ) async throws(Failure) -> Output {
        let result = await withCheckedContinuation { continuation in
            queue.async {
                continuation.resume(returning: Result { () throws(Failure) in try body() })
            }
        }
        return try result.get()
    }
}
