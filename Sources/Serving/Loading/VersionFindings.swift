/// The findings of a load about the runs of a version.
struct VersionFindings: Sendable, Equatable {
    /// Whether requests share runs.
    var plan: BatchPlan
    /// Whether two runs of one request gave the same answers.
    var isDeterministic: Bool
}
