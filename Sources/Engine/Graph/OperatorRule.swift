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

extension OperatorRule {
    /// The first input, sizes left out, whose rows are mixed or of ragged dimensions.
    func mixing(of inputs: [TensorFacts?]) -> RowFault? {
        for (index, input) in inputs.enumerated() where !sizeInputs.contains(index) {
            guard let input else { continue }
            if case .mixed(let fault) = input.rows { return fault }
            if !followsPadding, let padding = input.padding { return padding.fault }
        }
        return nil
    }

    /// The reason why an input that decides the shape of the output is not known.
    func unknownSizes(of inputs: [TensorFacts?]) -> RowFault? {
        for index in sizeInputs.sorted() where inputs.indices.contains(index) {
            guard let input = inputs[index], case .mixed(let fault) = input.rows else { continue }
            if input.numbers?.allSatisfy({ $0 != nil }) != true { return fault }
        }
        return nil
    }

    /// An input as the rule sees it: what is mixed already is not looked at for rows.
    func shown(_ input: TensorFacts?, at index: Int) -> TensorFacts? {
        guard var input, !sizeInputs.contains(index) else { return input }
        if case .mixed = input.rows { input.rows = .same }
        if !followsPadding { input.padding = nil }
        return input
    }
}
