internal import Registry

/// The decision, made when a version is loaded, whether its requests share runs.
package struct BatchPlan: Sendable, Equatable {
    /// Whether requests that wait are merged into one run.
    package let isMerged: Bool
    /// The reason, in words for people.
    package let why: String
    /// The most rows of a merged run. A request of as many rows or more runs alone.
    let maxRows: Int
    /// The longest wait of a request for others, in microseconds; 0: it does not wait.
    let maxDelayUs: Int64
    /// Whether requests are merged because the card says so, where the graph does not prove that
    /// rows are independent.
    package let isAtPublishersRisk: Bool
    /// The duration of the comparison of merged runs with single ones, in milliseconds.
    package var checkMs: UInt64

    /// Makes a plan.
    init(
        isMerged: Bool,
        why: String,
        maxRows: Int,
        maxDelayUs: Int64,
        isAtPublishersRisk: Bool = false,
        checkMs: UInt64 = 0
    ) {
        self.isMerged = isMerged
        self.why = why
        self.maxRows = maxRows
        self.maxDelayUs = maxDelayUs
        self.isAtPublishersRisk = isAtPublishersRisk
        self.checkMs = checkMs
    }

    /// The plan by which each request runs alone.
    static func alone(_ why: String) -> BatchPlan {
        BatchPlan(isMerged: false, why: why, maxRows: 1, maxDelayUs: 0)
    }

    /// The plan within the bounds of a card: for a plan that another process made.
    func bounded(by batching: Card.Batching) -> BatchPlan {
        guard isMerged else {
            var plan = BatchPlan.alone(why)
            plan.checkMs = checkMs
            return plan
        }
        return BatchPlan(
            isMerged: true,
            why: why,
            maxRows: min(maxRows, batching.maxRows),
            maxDelayUs: batching.maxDelayUs,
            isAtPublishersRisk: isAtPublishersRisk,
            checkMs: checkMs
        )
    }
}
