package import Metrics
internal import Synchronization

/// Counts what one version does. Requests hold it with their slot, so that recording takes no
/// lock.
package final class VersionMeter: Sendable {
    /// Its calls, from their arrival to their answers.
    package let calls: CallMeter
    /// The ends of its engine hosts, over all its loads.
    let crashes = CrashGuard()
    /// Of each request that was run: from the queue to the run.
    private let queue = Histogram(.latency)
    /// Of each request that was run: the run, that of its company included.
    private let compute = Histogram(.latency)
    /// Of each run that gave an answer.
    private let rows = Histogram(.rows)
    /// Requests that lost their places to newer ones.
    private let displacedRequests = Counter()
    // Relaxed, all of them: they order no other memory.
    private let slots = Atomic<Int>(0)
    private let loadedBytes = Atomic<UInt64>(0)

    init(_ id: VersionID) {
        calls = CallMeter(model: id.model, version: id.version)
    }

    /// A run has given the answers of so many requests.
    func ran(requests: UInt64, rows: UInt64, computeNs: UInt64) {
        self.rows.observe(rows)
        compute.observe(computeNs, times: requests)
    }

    /// A request that was run had waited.
    func waited(_ ns: UInt64) { queue.observe(ns) }

    /// A request lost its place to a newer one.
    func displaced() { displacedRequests.add() }

    func loaded(_ bytes: UInt64) {
        slots.wrappingAdd(1, ordering: .relaxed)
        loadedBytes.wrappingAdd(bytes, ordering: .relaxed)
    }

    func unloaded(_ bytes: UInt64) {
        slots.wrappingSubtract(1, ordering: .relaxed)
        loadedBytes.wrappingSubtract(bytes, ordering: .relaxed)
    }

    /// Whether it is in memory, requests that still hold it included.
    var isLoaded: Bool { slots.load(ordering: .relaxed) > 0 }

    var figures: ServingFigures.Version {
        ServingFigures.Version(
            model: calls.model,
            version: calls.version,
            failures: calls.failuresByCode,
            latency: calls.latency,
            queue: queue.snapshot,
            compute: compute.snapshot,
            rows: rows.snapshot,
            running: calls.running,
            displaced: displacedRequests.count,
            loadedBytes: loadedBytes.load(ordering: .relaxed)
        )
    }
}
