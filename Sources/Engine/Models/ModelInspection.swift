/// The result of the static analysis of a model's file.
package struct ModelInspection: Sendable, Hashable {
    /// The relation between the rows of a run.
    package let rows: RowAnalysis
    /// Whether the model is safe to run beside others in one process.
    package let isolation: IsolationVerdict

    /// Makes a result.
    package init(rows: RowAnalysis, isolation: IsolationVerdict) {
        self.rows = rows
        self.isolation = isolation
    }
}

/// The verdict of the static analysis on the process that a model may run in.
package enum IsolationVerdict: Sendable, Hashable {
    /// Every operator is reviewed as safe for any value, and every intermediate has a proved size.
    case safe
    /// Values of a request may crash, exhaust or stall the runtime.
    ///
    /// - Parameters:
    ///   - why: The reason, as a clause.
    ///   - node: The node, as messages describe it; nil if the reason is not one of a node.
    case needsHost(why: String, node: String?)
}
