internal import Text

/// Rules of operators that compute each element from the elements of the same place.
enum ElementwiseRules {
    /// The element type of an operator's result.
    enum ResultType: Sendable {
        case first, second, bool, cast
    }

    /// All inputs broadcast against each other; each output has the resulting shape.
    ///
    /// - Parameter operands: The inputs that are broadcast, others being constants of the operator;
    ///   nil for all.
    static func broadcast(
        _ type: ResultType = .first,
        of operands: [Int]? = nil
    ) -> OperatorRule.Transfer {
        { (call) throws(RowFault) in
            let operands = operands ?? Array(call.inputs.indices)
            let facts = operands.compactMap { call.optionalInput($0) }
            try call.requireSame(call.inputs.indices.filter { !operands.contains($0) })
            var result = try broadcast(facts, in: &call)
            result.type = resultType(type, facts, call)
            return [TensorFacts](repeating: result, count: max(call.outputCount, 1))
        }
    }

    /// One tensor is changed element by element; other inputs are parameters.
    static func unary(_ call: inout OperatorCall) throws(RowFault) -> [TensorFacts] {
        let input = try call.input(0)
        try call.requireSame(call.inputs.indices.dropFirst())
        return [TensorFacts(type: input.type, shape: input.shape, rows: input.rows)]
    }

    /// Max and Min: which of two zeros, or two NaN, is taken depends on the place. With constants
    /// that are neither there is no such choice.
    static func extreme(_ call: inout OperatorCall) throws(RowFault) -> [TensorFacts] {
        let inputs = call.inputs.compactMap(\.self)
        let constants = inputs.filter { $0.isSame }
        let isClear = constants.allSatisfy { $0.reals?.allSatisfy { $0 > 0 || $0 < 0 } ?? false }
        if inputs.count - constants.count <= 1, isClear { call.stability = .exactWide }
        var result = try broadcast(inputs, in: &call)
        result.type = inputs.first?.type ?? 0
        return [result]
    }

    static func identity(_ call: inout OperatorCall) throws(RowFault) -> [TensorFacts] {
        [try call.input(0)]
    }

    /// Cast. The padding of a ragged dimension stays known between integers.
    static func cast(_ call: inout OperatorCall) throws(RowFault) -> [TensorFacts] {
        let input = try call.input(0)
        let type = resultType(.cast, [input], call)
        var result = TensorFacts(type: type, shape: input.shape, rows: input.rows)
        result.padding = input.padding
        noteRounding(from: input.type, to: type, &call)
        let wide = [OnnxType.int32, OnnxType.int64]
        if !wide.contains(type) || !wide.contains(input.type) { result.padding?.value = nil }
        if type == OnnxType.int32, case .number(let number)? = input.padding?.value,
            Int32(exactly: number) == nil
        {
            result.padding?.value = nil
        }
        return [result]
    }

    /// CastLike: of the second input only the type matters.
    static func castLike(_ call: inout OperatorCall) throws(RowFault) -> [TensorFacts] {
        let input = try call.input(0)
        let type = try call.input(1).type
        noteRounding(from: input.type, to: type, &call)
        return [TensorFacts(type: type, shape: input.shape, rows: input.rows)]
    }

    /// Notes a conversion whose result depends on the place of the element where the number is out
    /// of the range of the result's type: C++ defines none.
    private static func noteRounding(from: Int32, to: Int32, _ call: inout OperatorCall) {
        let unsigned = [OnnxType.uint32, OnnxType.uint64]
        guard unsigned.contains(to), !OnnxType.integers.contains(from) else { return }
        call.stability = .place
    }

    /// Sign. The padding of a ragged dimension stays known.
    static func sign(_ call: inout OperatorCall) throws(RowFault) -> [TensorFacts] {
        let input = try call.input(0)
        var result = TensorFacts(type: input.type, shape: input.shape, rows: input.rows)
        result.padding = input.padding
        if case .number(let number) = input.padding?.value {
            result.padding?.value = .number(number.signum())
        }
        return [result]
    }

    /// Dropout: with training mode off the values pass through.
    static func dropout(_ call: inout OperatorCall) throws(RowFault) -> [TensorFacts] {
        let input = try call.input(0)
        guard !isTraining(call) else { throw RowFault("drops values at random") }
        let value = TensorFacts(type: input.type, shape: input.shape, rows: input.rows)
        var mask = value
        mask.type = OnnxType.bool
        return [value, mask]
    }

    /// Whether a Dropout may be in training mode: an input of its own since version 12.
    static func isTraining(_ call: OperatorCall) -> Bool {
        if call.version < 7 { return call.int("is_test", default: 0) == 0 }
        guard let mode = call.optionalInput(2) else { return false }
        return mode.onlyValue != .number(0)
    }

    /// QuantizeLinear, DequantizeLinear: a scale for the whole tensor, or for each index of an axis
    /// that is not that of the rows.
    static func quantize(_ call: inout OperatorCall) throws(RowFault) -> [TensorFacts] {
        let input = try call.input(0)
        try call.requireSame(1..<3)
        let scale = try call.shape(1)
        if let rows = input.rowAxis, !scale.allSatisfy(isOne) {
            let rank = input.rank ?? 0
            let axis = try normalized(call.int("axis", default: 1), rank: rank)
            guard scale.count == 1, axis != rows.axis else {
                throw RowFault("has scales along the rows")
            }
        }
        var type = call.optionalInput(2)?.type ?? OnnxType.uint8
        if call.node.type == "DequantizeLinear" { type = try call.input(1).type }
        return [TensorFacts(type: type, shape: input.shape, rows: input.rows)]
    }

    /// DynamicQuantizeLinear: one scale and one zero point for the whole tensor.
    static func quantizeWhole(_ call: inout OperatorCall) throws(RowFault) -> [TensorFacts] {
        let input = try call.input(0)
        guard input.isSame else { throw RowFault("takes its scale from the whole tensor") }
        return [
            TensorFacts(type: OnnxType.uint8, shape: input.shape),
            TensorFacts(type: OnnxType.float, shape: []),
            TensorFacts(type: OnnxType.uint8, shape: []),
        ]
    }

    private static func resultType(
        _ type: ResultType,
        _ inputs: [TensorFacts],
        _ call: OperatorCall
    ) -> Int32 {
        switch type {
        case .first: inputs.first?.type ?? 0
        case .second: inputs.count > 1 ? inputs[1].type : 0
        case .bool: OnnxType.bool
        case .cast: Int32(truncatingIfNeeded: call.int("to", default: 0))
        }
    }

    // MARK: Broadcasting

    /// The shape and rows of several tensors broadcast against each other.
    static func broadcast(
        _ inputs: [TensorFacts],
        in call: inout OperatorCall
    ) throws(RowFault) -> TensorFacts {
        let ranks = inputs.compactMap(\.rank)
        let rowInputs = inputs.filter { !$0.isSame }
        guard ranks.count == inputs.count, let rank = ranks.max() else {
            guard rowInputs.isEmpty else { throw RowFault("takes a tensor of unknown rank") }
            return TensorFacts()
        }
        if call.version < 7, call.node.domain == "", Set(ranks).count > 1 {
            throw RowFault("broadcasts as before version 7 of the operators")
        }
        var result = TensorFacts()
        var shape: [SymbolicSize?] = []
        for place in 0..<rank {
            shape.append(size(of: inputs, fromRight: rank - 1 - place, in: &call))
        }
        result.shape = shape
        guard let first = rowInputs.first, let rows = first.rowAxis else { return result }
        let fromRight = (first.rank ?? 0) - 1 - rows.axis
        for input in inputs {
            try requireFit(input, rows, of: first, fromRight: fromRight)
        }
        result.rows = .apart(RowAxis(axis: rank - 1 - fromRight, outer: rows.outer))
        result.shape?[rank - 1 - fromRight] = first.shape?[rows.axis]
        return result
    }

    /// Another operand must have its rows at the same place, or one element there.
    private static func requireFit(
        _ input: TensorFacts,
        _ rows: RowAxis,
        of first: TensorFacts,
        fromRight: Int
    ) throws(RowFault) {
        let shape = input.shape ?? []
        let place = shape.count - 1 - fromRight
        guard let other = input.rowAxis else {
            guard place < 0 || isOne(shape[place]) else {
                throw RowFault("meets the rows with a tensor that is not one of them")
            }
            return
        }
        guard other.axis == place, other.outer == rows.outer,
            shape[place] == first.shape?[rows.axis]
        else { throw RowFault("combines rows that lie on different dimensions") }
    }

    private static func size(
        of inputs: [TensorFacts],
        fromRight: Int,
        in call: inout OperatorCall
    ) -> SymbolicSize? {
        var result: SymbolicSize? = .one
        for input in inputs {
            let shape = input.shape ?? []
            let place = shape.count - 1 - fromRight
            guard place >= 0 else { continue }
            result = merged(result, shape[place], in: &call)
        }
        return result
    }

    private static func merged(
        _ left: SymbolicSize?,
        _ right: SymbolicSize?,
        in call: inout OperatorCall
    ) -> SymbolicSize? {
        guard let left, let right else { return nil }
        if left == right || isOne(right) { return left }
        if isOne(left) { return right }
        guard left.isFixed, right.isFixed else { return nil }
        // One of them is 1, or both are equal; a constant that is not 1 decides.
        if left.number != nil { return left }
        if right.number != nil { return right }
        return call.freshSize(atMost: call.bound(joining: left, right))
    }
}
