internal import Dispatch
internal import Engine
internal import NIOPosix
internal import Synchronization
internal import Wire

/// Where calls that read and write files run: never on an event loop, never without a bound, and
/// behind the threads that serve.
final class BlockingWork: Sendable {
    /// Control-plane calls that wait or run at once; more are refused.
    static let maxCalls = 1_024
    /// Of them, those of one principal: nobody keeps the others out.
    static let maxCallsPerPrincipal = 256
    /// Messages of calls that wait or run.
    static let maxBytes = 64 << 20
    /// When a call that is refused may come again: most take far less.
    static let retryNs: UInt64 = 1_000_000_000
    /// Threads for calls in no particular order.
    private static let threads = 4
    /// Chunks of one upload keep their order: each upload has its lane, a lane is one thread.
    private static let lanes = 4

    private struct Load {
        var total = 0
        var bytes = 0
        var calls: [String: Int] = [:]
    }

    private let pool = NIOThreadPool(numberOfThreads: threads)
    private let uploads: [DispatchQueue]
    private let load = Mutex(Load())

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
        try await pool.runIfActive {
            ThreadPriority.stepBack()
            return try body()
        }
    }

    /// Runs blocking work after all that was given before for the same upload.
    func runInOrder(of upload: String, _ body: @escaping @Sendable () -> Void) {
        uploads[Int(UInt(bitPattern: upload.hashValue) % UInt(Self.lanes))].async {
            ThreadPriority.stepBack()
            body()
        }
    }

    /// A call's part of what is bounded.
    struct Place: Sendable {
        fileprivate let principal: String
        fileprivate let bytes: Int
    }

    /// Takes a place for a call.
    /// - Throws: `resourceExhausted` when all are taken, or the caller's share is, or the messages
    ///   that wait hold too much memory.
    func enter(_ arrival: Arrival) throws(Status) -> Place {
        let place = Place(principal: arrival.caller.name, bytes: arrival.payloadBytes)
        let refusal: String? = load.withLock { load in
            let own = load.calls[place.principal, default: 0]
            guard load.total < Self.maxCalls else { return "\(Self.maxCalls) control calls open" }
            guard own < Self.maxCallsPerPrincipal else {
                return "\(Self.maxCallsPerPrincipal) control calls of \(place.principal) open"
            }
            guard load.total == 0 || load.bytes + place.bytes <= Self.maxBytes else {
                return "\(Self.maxBytes) bytes of control calls waiting"
            }
            load.total += 1
            load.bytes += place.bytes
            load.calls[place.principal] = own + 1
            return nil
        }
        guard let refusal else { return place }
        throw Status(
            .resourceExhausted,
            "the server has \(refusal); try again later",
            details: [.retry(afterNs: Self.retryNs)]
        )
    }

    /// Gives the place back.
    func leave(_ place: Place) {
        load.withLock { load in
            load.total -= 1
            load.bytes -= place.bytes
            let own = load.calls[place.principal, default: 0] - 1
            load.calls[place.principal] = own > 0 ? own : nil
        }
    }
}
