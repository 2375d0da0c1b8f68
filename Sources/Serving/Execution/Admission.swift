internal import Text

/// Bounds what one model has waiting and running, and with its fellows what the server has, and
/// refuses what is over a bound at once.
final class Admission: Sendable {
    /// Of what is expected to be waited, so much more must be left of a deadline: what is measured
    /// varies, and a request that expires in the queue held a place for nothing.
    private static let margin: UInt64 = 4

    private let own = QueueLoad()
    /// What all models have: the same for each of them.
    private let whole: QueueLoad
    /// How fast the model's queue empties.
    let drain = DrainRate()

    init(whole: QueueLoad = QueueLoad()) {
        self.whole = whole
    }

    /// What is waiting and running of the model.
    var present: (requests: Int, bytes: Int) { own.present }

    /// Takes a place for a request that keeps `bytes` bytes in memory.
    ///
    /// A request over the model's limit of bytes is taken where the model has no other: it could
    /// never be served else. The server's limit is never passed; it is not below that of a frame.
    /// - Throws: ``ServingError`` `resourceExhausted` when the model's queue is full, or the
    ///   server's are; with the time after which there may be room.
    func enter(bytes: Int, model: String, limits: ServingLimits) throws(ServingError) {
        guard
            own.enter(
                bytes: bytes,
                requestLimit: limits.queuedRequestsPerModel,
                byteLimit: limits.queuedBytesPerModel,
                takesAnyFirst: true
            )
        else {
            throw .exhausted(
                "the queue of model \(quoted(model)) is full: at most "
                    + "\(limits.queuedRequestsPerModel) requests and "
                    + "\(limits.queuedBytesPerModel) bytes wait",
                retryAfterNs: retryAfterNs
            )
        }
        guard
            whole.enter(
                bytes: bytes,
                requestLimit: limits.queuedRequests,
                byteLimit: limits.queuedBytes
            )
        else {
            own.leave(bytes: bytes)
            throw .exhausted(
                "the server's queues are full: at most \(limits.queuedRequests) requests and "
                    + "\(limits.queuedBytes) bytes wait",
                retryAfterNs: retryAfterNs
            )
        }
    }

    /// Refuses at once what would only be answered that its deadline has passed: a request that
    /// has just taken its place waits until what was there before it is done, as far as that is
    /// known. One of higher priority does not wait for all of it.
    /// - Throws: ``ServingError`` `deadlineExceeded`, or `resourceExhausted` when the deadline would
    ///   pass in the queue.
    func check(
        deadlineNs: UInt64,
        nowNs: UInt64,
        priority: Int,
        model: String
    ) throws(ServingError) {
        guard deadlineNs > nowNs else { throw .expired }
        let wait = min(drain.expectedNs(requests: own.present.requests - 1), .max / 2)
        guard priority <= 0, wait + wait / Self.margin > deadlineNs - nowNs else {
            return
        }
        throw .exhausted(
            "the deadline would pass in the queue of model \(quoted(model)): it is "
                + "\((deadlineNs - nowNs) / 1_000_000) ms away, and requests wait about "
                + "\(wait / 1_000_000) ms",
            retryAfterNs: retryAfterNs
        )
    }

    /// Gives the place back.
    func leave(bytes: Int) {
        own.leave(bytes: bytes)
        whole.leave(bytes: bytes)
    }

    /// Hands a place to a request that keeps no more bytes than the one that has it.
    func handOver(from bytes: Int, to fewer: Int) {
        own.shrink(from: bytes, to: fewer)
        whole.shrink(from: bytes, to: fewer)
    }

    /// When somebody who is refused now may ask again: when what is there now is done.
    var retryAfterNs: UInt64 { drain.retryAfterNs(requests: own.present.requests) }
}
