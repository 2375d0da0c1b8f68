internal import Metrics

/// Counts what concerns a model and none of its versions alone.
final class ModelMeter: Sendable {
    /// Requests that failed before their version was known.
    let calls: CallMeter
    private let swaps = Histogram(.latency)
    private let drained = Counter()
    private let failed = Counter()

    init(_ model: String) {
        calls = CallMeter(model: model)
    }

    /// A swap is over.
    func swapped(_ old: CallMeter.Drained, since begin: ContinuousClock.Instant) {
        swaps.observe((ContinuousClock.now - begin).nanoseconds)
        drained.add(old.calls)
        failed.add(old.failed)
    }

    var figures: ServingFigures.Model {
        ServingFigures.Model(
            model: calls.model,
            failures: calls.failuresByCode,
            swaps: swaps.snapshot,
            drainedRequests: drained.count,
            failedRequests: failed.count
        )
    }
}
