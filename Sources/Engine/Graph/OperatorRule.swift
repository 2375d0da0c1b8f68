/// The description of an operator for the row analysis.
struct OperatorRule: Sendable {
    /// Computes the facts about the outputs from those about the inputs.
    typealias Transfer = @Sendable (inout OperatorCall) throws(RowFault) -> [TensorFacts]

    let transfer: Transfer
    let stability: BitStability
    /// The inputs that decide the shape of the output and are no data.
    var sizeInputs: Set<Int> = []
    /// Whether the rule follows a ragged dimension; otherwise its padding mixes rows.
    var followsPadding = false
    /// Whether the result may differ between runs, or come from more than the inputs.
    var isOpaque = false

    /// An operator of which it is known that it mixes rows, or makes their number depend on values.
    static func refused(_ why: String, isOpaque: Bool = false) -> OperatorRule {
        OperatorRule(
            transfer: { (_) throws(RowFault) in throw RowFault(why) },
            stability: .exact,
            isOpaque: isOpaque
        )
    }
}
