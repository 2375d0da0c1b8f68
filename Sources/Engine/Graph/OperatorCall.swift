internal import Text

/// One node together with the facts about its inputs, for the rule of its operator.
///
/// Inputs whose rows are mixed are shown as ``RowRelation/same``: a rule then only finds the
/// shapes, and the outputs are marked as mixed afterwards.
struct OperatorCall {
    let node: GraphNode
    /// The version of the operator's set.
    let version: Int64
    /// The facts about each input; nil for one that is left out.
    let inputs: [TensorFacts?]
    /// The effect of rounding, which a rule may narrow down.
    var stability: BitStability
    /// The source of symbols.
    let symbols: SizeSymbols
    /// Whether the free sizes of different inputs have different symbols, any of which may be 0.
    let separatesInputs: Bool

    /// The number of outputs that the node names.
    var outputCount: Int { node.outputs.count }

    /// A size that no row and no number of rows changes, and that is not known further.
    ///
    /// - Parameter bound: Its upper bound; nil if there is none.
    func freshSize(atMost bound: SizeBound? = nil) -> SymbolicSize {
        symbols.derived(atMost: bound)
    }

    /// The upper bound of a size, with numbers added to it.
    func bound(_ size: SymbolicSize?, plus number: Int64 = 0) -> SizeBound? {
        let bound = symbols.bound(of: size)
        return number > 0 ? bound?.plus(SizeBound(Double(number))) : bound
    }

    /// The upper bound of the larger of two sizes.
    func bound(joining left: SymbolicSize?, _ right: SymbolicSize?) -> SizeBound? {
        guard let one = bound(left), let other = bound(right) else { return nil }
        return one.joined(other)
    }

    /// The upper bound of a sum of sizes.
    func bound(sumOf sizes: [SymbolicSize?]) -> SizeBound? {
        var sum = SizeBound(0)
        for size in sizes {
            guard let bound = bound(size), let next = sum.plus(bound) else { return nil }
            sum = next
        }
        return sum
    }

    /// The facts about an input that the operator needs.
    func input(_ index: Int) throws(RowFault) -> TensorFacts {
        guard let facts = optionalInput(index) else {
            throw RowFault("lacks input \(index)")
        }
        return facts
    }

    /// The facts about an input; nil if it is left out.
    func optionalInput(_ index: Int) -> TensorFacts? {
        inputs.indices.contains(index) ? inputs[index] : nil
    }

    /// The dimensions of an input.
    func shape(_ index: Int) throws(RowFault) -> [SymbolicSize?] {
        guard let shape = try input(index).shape else {
            throw RowFault("takes a tensor of unknown rank")
        }
        return shape
    }

    /// Requires inputs to be the same for all rows.
    func requireSame(_ indices: some Sequence<Int>) throws(RowFault) {
        for index in indices where optionalInput(index)?.isSame == false {
            throw RowFault("takes input \(index) from the rows, where it is known as a constant")
        }
    }

    func int(_ name: ExactString) -> Int64? { node.attributes[name]?.int }

    func int(_ name: ExactString, default value: Int64) -> Int64 {
        node.attributes[name]?.int ?? value
    }

    func text(_ name: ExactString) -> String? {
        guard let bytes = node.attributes[name]?.text else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// A list of integers; nil if the node has no such attribute.
    func ints(_ name: ExactString) throws(RowFault) -> [Int64]? {
        guard let attribute = node.attributes[name] else { return nil }
        guard attribute.isComplete else { throw RowFault("has a list of too many numbers") }
        return attribute.ints
    }

    /// The known elements of an input that decides the shape of the output; nil if they are not
    /// known but the same for all rows.
    func sizes(_ index: Int) throws(RowFault) -> [SymbolicSize?]? {
        guard let facts = optionalInput(index) else { return nil }
        if case .mixed(let fault) = facts.rows {
            guard let numbers = facts.numbers, !numbers.contains(nil) else { throw fault }
            return numbers
        }
        guard facts.isSame else { throw RowFault("takes sizes from the values of the rows") }
        return facts.numbers
    }

    /// The known constants of an input.
    func constants(_ index: Int) throws(RowFault) -> [Int64]? {
        guard let numbers = try sizes(index) else { return nil }
        var constants: [Int64] = []
        for number in numbers {
            guard let value = number?.number else { return nil }
            constants.append(value)
        }
        return constants
    }

    /// A list that newer versions of an operator take as an input, older ones as an attribute.
    func list(
        input index: Int,
        attribute: ExactString,
        inputSince version: Int64
    ) throws(RowFault) -> [Int64]? {
        guard self.version >= version else { return try ints(attribute) }
        guard optionalInput(index) != nil else { return nil }
        guard let constants = try constants(index) else {
            throw RowFault("takes axes that are not known")
        }
        return constants
    }
}

/// A dimension, counted from the end if negative.
func normalized(_ axis: Int64, rank: Int) throws(RowFault) -> Int {
    let result = axis < 0 ? axis.addingReportingOverflow(Int64(rank)).partialValue : axis
    guard result >= 0, result < Int64(rank) else {
        throw RowFault("names dimension \(axis) of a tensor of \(rank)")
    }
    return Int(result)
}

/// Whether a size is the constant 1.
func isOne(_ size: SymbolicSize?) -> Bool { size == .one }
