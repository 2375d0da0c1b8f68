internal import Text

/// Bounds the requests and bytes that one model has waiting and running, and with the other models
/// those of the server. A request over a bound is refused at once.
final class Admission: Sendable {
    private let own = QueueLoad()
    /// What all models have: the same for each of them.
    private let whole: QueueLoad
    /// How fast the last version of the model that was measured empties its queue.
    let drain = WorkRate()

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
        let requestLimit = limits.queuedRequestsPerModel(isMeasured: drain.isKnown)
        guard
            own.enter(
                bytes: bytes,
                requestLimit: requestLimit,
                byteLimit: limits.queuedBytesPerModel,
                takesAnyFirst: true
            )
        else {
            throw .exhausted(
                "the queue of model \(quoted(model)) is full: at most \(requestLimit) requests and "
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

    /// When a request that is refused now may be made again: when what is there now is done.
    var retryAfterNs: UInt64 { drain.retryAfterNs(requests: own.present.requests) }
}
