/// The findings of a load about the runs of a version.
struct VersionFindings: Sendable, Equatable {
    /// Whether requests share runs.
    var plan: BatchPlan
    /// Whether two runs of one request gave the same answers.
    var isDeterministic: Bool
    /// The runs that ended the process of a load, and are not made again. A host does not decide
    /// about them: they are no part of its report.
    var omitted = OmittedRuns()
}
