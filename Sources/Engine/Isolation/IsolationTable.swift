internal import Text

/// The operators whose CPU kernels were reviewed, and the result of each review.
///
/// docs/ISOLATION.md holds this table; a test compares the two.
enum IsolationTable {
    /// Names of operators, separated by spaces, with their review.
    typealias Rows = [(names: String, review: OperatorReview)]

    /// The rows of each domain.
    static let domains: [(domain: ExactString, rows: Rows)] = [
        (
            "",
            elementwise + numbers + layout + selection + reductions + products + spatial + text
                + hosted
        ),
        ("ai.onnx.ml", classic),
        ("com.microsoft", contributed),
    ]

    /// The review of an operator; nil if there is none.
    static func review(of name: OperatorName) -> OperatorReview? { reviews[name] }

    private static let reviews: [OperatorName: OperatorReview] = {
        var reviews: [OperatorName: OperatorReview] = [:]
        for (domain, rows) in domains {
            for row in rows {
                for name in row.names.split(separator: " ") {
                    reviews[OperatorName(domain, ExactString(String(name)))] = row.review
                }
            }
        }
        return reviews
    }()
}
