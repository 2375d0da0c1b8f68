/// The verdict of the static analysis of a model's graph on runs that several requests share.
package struct RowAnalysis: Sendable, Hashable {
    /// The relation between the rows of a run, a row being one index of the first dimension.
    package enum Independence: Sendable, Hashable {
        /// Each output has one row for each input row, and it depends on that input row alone.
        case proved
        /// Each output has one row for each input row. The rows may depend on each other; the
        /// reason names the node.
        case rowCountOnly(reason: String)
        /// The number of output rows is not proved either; the reason names the node.
        case unproved(reason: String)
    }

    /// Whether the bits of a row may depend on the rows beside it.
    package enum Precision: Sendable, Hashable {
        /// They do not: every operator computes a row in the same way wherever it lies.
        case exact
        /// They may depend on the number of rows of the run, not on their values: each number is
        /// to be compared when the version is loaded. The reason names the node.
        case dependsOnRowCount(reason: String)
        /// They depend on the place of the row in the run; the reason names the node.
        case dependsOnPlace(reason: String)
    }

    /// The relation between rows, in exact arithmetic.
    package let independence: Independence
    /// The effect of rounding.
    package let precision: Precision
    /// The first operator that draws random numbers without a seed; nil if there is none.
    package let randomNode: String?

    /// Whether each output is proved to have one row for each input row.
    package var provesRowCount: Bool {
        switch independence {
        case .proved, .rowCountOnly: true
        case .unproved: false
        }
    }

    /// Makes a verdict.
    package init(independence: Independence, precision: Precision, randomNode: String? = nil) {
        self.independence = independence
        self.precision = precision
        self.randomNode = randomNode
    }
}
