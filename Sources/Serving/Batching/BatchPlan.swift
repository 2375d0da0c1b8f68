/// Whether requests to a version run together, and why: decided once, when the version is loaded.
package struct BatchPlan: Sendable, Equatable {
    /// Whether they do.
    package let isMerged: Bool
    /// Why, in words for people.
    package let why: String
    /// Rows of one run at most; a request of more runs by itself.
    let maxRows: Int
    /// How long a request waits for company, in microseconds; 0: never.
    let maxDelayUs: Int64

    /// Each request runs by itself.
    static func alone(_ why: String) -> BatchPlan {
        BatchPlan(isMerged: false, why: why, maxRows: 1, maxDelayUs: 0)
    }
}
