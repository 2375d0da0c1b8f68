package import Metrics

/// What serving has counted, at one instant.
package struct ServingFigures: Sendable {
    /// Of a version that is loaded, or was not long ago.
    package struct Version: Sendable {
        package let model: String
        package let version: UInt64
        /// Requests that failed, by code, none of them 0.
        package let failures: [(code: Int, count: UInt64)]
        /// Of the requests that succeeded.
        package let latency: Histogram.Snapshot
        /// Of the requests that were run.
        package let queue: Histogram.Snapshot
        /// Of the requests that were run.
        package let compute: Histogram.Snapshot
        /// Of the runs.
        package let rows: Histogram.Snapshot
        /// Requests that wait, run, or whose answer is being made.
        package let running: UInt64
        /// Requests that lost their places in a full queue to newer ones.
        package let displaced: UInt64
        /// Plaintext bytes of its files, once for each time that it is in memory.
        package let loadedBytes: UInt64

        /// Requests that ended.
        package var requests: UInt64 { latency.count + failed }

        /// Requests that failed.
        package var failed: UInt64 { failures.reduce(0) { $0 + $1.count } }
    }

    /// Of a model of which something was counted.
    package struct Model: Sendable {
        package let model: String
        /// Requests that failed before their version was known, by code, none of them 0.
        package let failures: [(code: Int, count: UInt64)]
        /// Swaps, from the durable move to the last answer of the version before.
        package let swaps: Histogram.Snapshot
        /// Requests that the version before had at a swap.
        package let drainedRequests: UInt64
        /// Those of them that failed.
        package let failedRequests: UInt64
    }

    /// What waits and runs of a model.
    package struct Queue: Sendable {
        package let model: String
        package let requests: Int
        package let bytes: Int
    }

    /// By model and version.
    package var versions: [Version] = []
    /// By name.
    package var models: [Model] = []
    /// By name.
    package var queues: [Queue] = []
    /// Loads that ended with a version that may serve.
    package var loads: Histogram.Snapshot
    /// Loads that did not.
    package var failedLoads: UInt64
    /// Engine hosts.
    package var hosts = HostMeter.Snapshot()
}
