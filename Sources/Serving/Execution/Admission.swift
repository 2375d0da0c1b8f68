internal import Text

/// Bounds the requests and bytes that one model has waiting and running, and with the other models
/// those of the server. A request over a bound is refused at once.
final class Admission: Sendable {
    private let own = QueueLoad()
    /// What all models have: the same for each of them.
    private let whole: QueueLoad
    /// The shares of principals in what waits, of all models: the same for each of them.
    let shares: WaitingShares
    /// How fast the last version of the model that was measured empties its queue.
    let drain = WorkRate()

    init(whole: QueueLoad = QueueLoad(), shares: WaitingShares = WaitingShares()) {
        self.whole = whole
        self.shares = shares
    }

    /// The queue that has no place.
    enum Full {
        case model
        case server
    }

    /// What is waiting and running of the model.
    var present: (requests: Int, bytes: Int) { own.present }

    /// Takes a place for a request that keeps `bytes` bytes in memory.
    ///
    /// A request over the model's limit of bytes is taken where the model has no other: it could
    /// never be served else. The server's limit is never passed; it is not below that of a frame.
    /// - Returns: the queue that is full; nil: the place is taken.
    func enter(bytes: Int, limits: ServingLimits) -> Full? {
        guard
            own.enter(
                bytes: bytes,
                requestLimit: limits.queuedRequestsPerModel(isMeasured: drain.isKnown),
                byteLimit: limits.queuedBytesPerModel,
                takesAnyFirst: true
            )
        else { return .model }
        guard
            whole.enter(
                bytes: bytes,
                requestLimit: limits.queuedRequests,
                byteLimit: limits.queuedBytes
            )
        else {
            own.leave(bytes: bytes)
            return .server
        }
        return nil
    }

    /// The error of a request that has no place, with the time after which there may be one.
    func error(_ full: Full, model: String, limits: ServingLimits) -> ServingError {
        let (queue, requests, bytes) =
            switch full {
            case .model:
                (
                    "queue of model \(quoted(model)) is",
                    limits.queuedRequestsPerModel(isMeasured: drain.isKnown),
                    limits.queuedBytesPerModel
                )
            case .server: ("server's queues are", limits.queuedRequests, limits.queuedBytes)
            }
        return .exhausted(
            "the \(queue) full: at most \(requests) requests and \(bytes) bytes wait",
            retryAfterNs: retryAfterNs
        )
    }

    /// The request that gives its place in a full queue up for a newcomer; nil: the newcomer has no
    /// better claim, or is too large for any place.
    func displaced(
        for request: PredictionRequest,
        _ full: Full,
        limits: ServingLimits
    ) -> ShareLedger.Displaced? {
        guard request.heldBytes <= min(limits.queuedBytesPerModel, limits.queuedBytes) else {
            return nil
        }
        let claim = ShareLedger.Claim(request, placeBytes: placeBytes(limits: limits))
        return switch full {
        case .model: shares.takeDisplaced(for: claim, in: .model(self))
        case .server: shares.takeDisplaced(for: claim, in: .server)
        }
    }

    /// The least that a request counts for in its principal's share, in bytes: a place's part of
    /// the bytes that the model's queue takes.
    func placeBytes(limits: ServingLimits) -> Int {
        let places = limits.queuedRequestsPerModel(isMeasured: drain.isKnown)
        return limits.queuedBytesPerModel / max(places, 1)
    }

    /// Gives the place back.
    func leave(bytes: Int) {
        own.leave(bytes: bytes)
        whole.leave(bytes: bytes)
    }

    /// When a request that is refused now may be made again: when what is there now is done.
    var retryAfterNs: UInt64 { drain.retryAfterNs(requests: own.present.requests) }
}
