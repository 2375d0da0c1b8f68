internal import Dispatch
internal import NIOPosix
internal import Synchronization
internal import Wire

/// Where calls that read and write files run: never on an event loop, and never without a bound.
final class BlockingWork: Sendable {
    /// Control-plane calls that wait or run at once; more are refused.
    static let maxCalls = 1_024
    /// Threads for calls in no particular order.
    private static let threads = 4
    /// Chunks of one upload keep their order: each upload has its lane, a lane is one thread.
    private static let lanes = 4

    private let pool = NIOThreadPool(numberOfThreads: threads)
    private let uploads: [DispatchQueue]
    private let calls = Atomic<Int>(0)

    init() {
        uploads = (0..<Self.lanes).map { DispatchQueue(label: "strongroom.upload.\($0)") }
        pool.start()
    }

    func stop() async throws {
        try await pool.shutdownGracefully()
    }

    /// Runs blocking work on the pool.
    func run<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws
        -> Result
    {
        try await pool.runIfActive { try body() }
    }

    /// Runs blocking work after all that was given before for the same upload.
    func runInOrder(of upload: String, _ body: @escaping @Sendable () -> Void) {
        uploads[Int(UInt(bitPattern: upload.hashValue) % UInt(Self.lanes))].async(execute: body)
    }

    /// Takes a place for a call; false when all are taken.
    func enter() -> Bool {
        let before = calls.wrappingAdd(1, ordering: .relaxed).oldValue
        if before < Self.maxCalls { return true }
        leave()
        return false
    }

    func leave() {
        calls.wrappingSubtract(1, ordering: .relaxed)
    }

    static var full: Status {
        Status(.resourceExhausted, "the server has \(maxCalls) control calls open; try again later")
    }
}
