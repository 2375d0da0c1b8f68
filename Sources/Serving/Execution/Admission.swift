internal import Synchronization

/// Counts what one model has waiting and running, and refuses what is over the bound at once.
final class Admission: Sendable {
    private struct Load {
        var requests = 0
        var bytes = 0
    }

    private let load = Mutex(Load())

    /// Takes a place for a request that keeps `bytes` bytes in memory.
    /// - Throws: ``ServingError`` `resourceExhausted` when the model's queue is full.
    func enter(bytes: Int, model: String, limits: ServingLimits) throws(ServingError) {
        let admitted = load.withLock { load in
            guard load.requests < limits.queuedRequestsPerModel,
                load.requests == 0 || load.bytes + bytes <= limits.queuedBytesPerModel
            else { return false }
            load.requests += 1
            load.bytes += bytes
            return true
        }
        guard admitted else {
            throw ServingError(
                .resourceExhausted,
                "the queue of model '\(model)' is full: at most "
                    + "\(limits.queuedRequestsPerModel) requests and "
                    + "\(limits.queuedBytesPerModel) bytes wait"
            )
        }
    }

    /// What is waiting and running.
    var present: (requests: Int, bytes: Int) { load.withLock { ($0.requests, $0.bytes) } }

    /// Gives the place back.
    func leave(bytes: Int) {
        load.withLock { load in
            load.requests -= 1
            load.bytes -= bytes
        }
    }
}
