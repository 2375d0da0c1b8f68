internal import Dispatch

/// Runs blocking work one after the other on a thread of its own, away from event loops and from
/// the concurrency pool, which is as narrow as the machine.
struct BlockingQueue: Sendable {
    private let queue: DispatchQueue

    init(label: String, qos: DispatchQoS = .default) {
        queue = DispatchQueue(label: label, qos: qos)
    }

    func run<Result: Sendable>(
        _ body: @escaping @Sendable () throws -> Result
    ) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            queue.async { continuation.resume(with: Swift.Result { try body() }) }
        }
    }
}
